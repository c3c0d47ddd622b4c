// swift-tools-version: 6.0
// The phone's engine for Swift. `cargo xtask bindings swift` generates what is git-ignored here first.
import PackageDescription

#if os(Linux)
// Where the library lies is said by `cargo xtask test swift`, with flags for the linker.
let engine = Target.systemLibrary(name: "GridlogFFI")
#else
// Built by make-xcframework.sh; not built here.
let engine = Target.binaryTarget(name: "GridlogFFI", path: "GridlogFFI.xcframework")
#endif

// What UniFFI 0.32 generates compiles in Swift 6 mode without a warning, so every target has the package's mode.
let package = Package(
    name: "Gridlog",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "Gridlog", targets: ["Gridlog"])],
    targets: [
        engine,
        .target(name: "Gridlog", dependencies: ["GridlogFFI"]),
        .executableTarget(name: "OneDay", dependencies: ["Gridlog"], path: "samples", exclude: ["cover.jpg"]),
        // A process that the tests kill while it records.
        .executableTarget(name: "WritingApp", dependencies: ["Gridlog"]),
        .testTarget(name: "GridlogTests", dependencies: ["Gridlog", "OneDay", "WritingApp"]),
    ],
    swiftLanguageModes: [.v6]
)
