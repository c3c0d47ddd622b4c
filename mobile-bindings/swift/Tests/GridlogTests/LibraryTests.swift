@testable import Gridlog
import Testing

/// An app whose native library is not of the build that its bindings were generated from.
@Suite
struct LibraryTests {
    @Test("The library that the bindings were generated from fits them")
    func own() throws {
        try checkLibrary()
    }

    @Test("A library of another surface is refused with a text that says what to do")
    func other() async throws {
        let error = try await refusal { try checkLibrary(surfaceRefusal(surface: "12ab34cd")) }
        guard case .Internal = error else { throw error }
        #expect(error.code == "other_api")
        #expect(error.en.contains("12ab34cd") && error.en.contains("generate them again from this library"))
    }
}
