import Foundation
import Testing

/// The samples, as a developer runs them.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct SampleTests {
    /// What a sample prints with a server of its own.
    private func said(by sample: String) async throws -> [String] {
        let folder = try Folder()
        let server = DevServer(in: folder.url.appendingPathComponent("dev"))
        try await server.switchOn()
        let home = folder.url.appendingPathComponent("phone")
        let arguments = [server.url.absoluteString, "W001", server.password, home.path, photo.path]
        return try await Program.beside(sample, arguments).rest()
    }

    @Test("The sample records a day offline and has it in the log in the evening")
    func oneDay() async throws {
        let said = try await said(by: "OneDay")
        #expect(said.contains { $0.contains("无信号 no signal") }, "\(said)")
        #expect(said.contains("人行道井盖缺失两处 已入卷 待受理"), "\(said)")
        #expect(said.contains("照片 photos: 2 sent, 0 left"), "\(said)")
    }

    @Test("The start of the guide records, attaches a photo, watches and syncs")
    func start() async throws {
        let said = try await said(by: "Start")
        #expect(said.dropLast().last?.contains("人行道井盖缺失 已入卷") == true, "\(said)")
        #expect(said.last?.contains("照片已上传，全部已入卷") == true, "\(said)")
    }
}
