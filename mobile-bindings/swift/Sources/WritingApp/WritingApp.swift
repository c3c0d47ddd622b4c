import Foundation
import Gridlog

/// Records without end, to be killed. After every call that returned it prints the record's id.
@main
struct WritingApp {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 5, let server = URL(string: arguments[2]), let key = Data(base64Encoded: arguments[3])
        else {
            print("writing-app STORE SERVER KEY MARKER")
            exit(2)
        }
        let phone = try await Phone.open(
            store: URL(fileURLWithPath: arguments[1]),
            server: server,
            keys: KeyFrom { key },
            marker: FileMarker(URL(fileURLWithPath: arguments[4]))
        )
        while true {
            let id = try await phone.report(NewReport(title: "井盖", category: "01014"))
            FileHandle.standardOutput.write(Data("\(id)\n".utf8))
        }
    }
}
