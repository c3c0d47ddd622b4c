import Foundation
import Testing

/// The sample, as a developer runs it.
@Suite(.timeLimit(.minutes(5)))
struct SampleTests {
    @Test("The sample records a day offline and has it in the log in the evening")
    func oneDay() async throws {
        let folder = try Folder()
        let server = DevServer(in: folder.url.appendingPathComponent("dev"))
        try server.switchOn()
        let home = folder.url.appendingPathComponent("phone")
        let arguments = [server.url.absoluteString, "W001", server.password, home.path, photo.path]
        let said = try Program.beside("OneDay", arguments).rest()
        #expect(said.contains { $0.contains("无信号 no signal") }, "\(said)")
        #expect(said.contains("人行道井盖缺失两处 已入卷 待受理"), "\(said)")
        #expect(said.contains("照片 photos: 2 sent, 0 left"), "\(said)")
    }
}
