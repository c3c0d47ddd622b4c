// swift-tools-version: 6.0
// The phone's engine for Swift. `cargo xtask bindings swift` generates what is git-ignored here first.
import PackageDescription

#if os(Linux)
let engine = Target.systemLibrary(name: "GridlogFFI")
// Programs of this package find the library where it was generated; another package's say by themselves where theirs is.
let library = "\(Context.packageDirectory)/generated/library"
let linked: [LinkerSetting] = [.unsafeFlags(["-L\(library)", "-Xlinker", "-rpath=\(library)"])]
#else
// Built by make-xcframework.sh; not built here.
let engine = Target.binaryTarget(name: "GridlogFFI", path: "GridlogFFI.xcframework")
let linked: [LinkerSetting] = []
#endif

/// A program of one file, beside another.
func sample(_ name: String, beside other: String) -> Target {
    .executableTarget(
        name: name,
        dependencies: ["Gridlog"],
        path: "samples",
        exclude: ["\(other).swift"],
        linkerSettings: linked
    )
}

// What UniFFI 0.32 generates compiles in Swift 6 mode without a warning, so every target has the package's mode.
let package = Package(
    name: "Gridlog",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "Gridlog", targets: ["Gridlog"])],
    targets: [
        engine,
        .target(name: "Gridlog", dependencies: ["GridlogFFI"]),
        sample("Start", beside: "OneDay"),
        sample("OneDay", beside: "Start"),
        // A process that the tests kill while it records.
        .executableTarget(name: "WritingApp", dependencies: ["Gridlog"], linkerSettings: linked),
        .testTarget(
            name: "GridlogTests",
            dependencies: ["Gridlog", "Start", "OneDay", "WritingApp"],
            linkerSettings: linked
        ),
    ],
    swiftLanguageModes: [.v6]
)
