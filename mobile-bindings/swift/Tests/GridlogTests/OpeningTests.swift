import Foundation
import Gridlog
import Testing

/// What an app meets before there is any server.
@Suite(.timeLimit(.minutes(5)))
struct OpeningTests {
    let folder = try! Folder()
    let nobody = URL(string: "http://127.0.0.1:9")!

    private var device: Device { Device("phone", in: folder) }

    @Test("Another key is refused and the store is left alone")
    func anotherKey() async throws {
        let device = device
        try await device.open(at: nobody).close()
        let before = try Data(contentsOf: device.store)
        for (key, code) in [(Data(count: 32), "wrong_key"), (Data(count: 5), "bad_key")] {
            let error = try await refusal { _ = try await device.open(at: nobody, key: key) }
            guard case .Store = error else { throw error }
            #expect(error.code == code)
        }
        #expect(try Data(contentsOf: device.store) == before)
        try await device.open(at: nobody).close()
    }

    @Test("A key store that fails is an error that does not quote it")
    func brokenKeyStore() async throws {
        struct TheKeyIs0123456789: Error {}
        let device = device
        let open = { (keys: KeyFrom) in
            _ = try await Phone.open(store: device.store, server: nobody, keys: keys, marker: FileMarker(device.marker))
        }
        let locked = try await refusal { try await open(KeyFrom { throw HostError.Failed(code: "device_locked") }) }
        #expect(locked.code == "key_store_failed")
        #expect(locked.en.contains("device_locked"))
        let broken = try await refusal { try await open(KeyFrom { throw TheKeyIs0123456789() }) }
        #expect(broken.code == "key_store_failed")
        #expect(!"\(broken)".contains("0123456789"))
        #expect(!FileManager.default.fileExists(atPath: device.store.path))
    }

    @Test("A closed phone says so, and its watches have ended")
    func closed() async throws {
        let phone = try await device.open(at: nobody)
        let watch = try await phone.watch()
        phone.close()
        phone.close()
        for await _ in watch {}
        let error = try await refusal { _ = try await phone.status() }
        guard case .Store = error else { throw error }
        #expect(error.code == "shut_down")
    }

    @Test("An address that is none is refused")
    func badAddress() async throws {
        let error = try await refusal { _ = try await device.open(at: URL(string: "grid.example")!) }
        guard case .Input = error else { throw error }
        #expect(error.code == "bad_address")
    }

    @Test("An alert that shows an error shows what the worker reads, and logs find the code")
    func localizedError() async throws {
        let phone = try await device.open(at: nobody)
        let error = try await refusal { try await phone.report(report("井盖")) }
        #expect(error.localizedDescription == error.zh)
        #expect(error.failureReason?.contains("not_enrolled") == true)
    }

    @Test("A marker is nothing at first and what was written last afterwards")
    func marker() throws {
        let marker = FileMarker(folder.url.appendingPathComponent("marker"))
        #expect(try marker.read() == nil)
        for byte in [UInt8(1), 2] {
            let generation = Data(repeating: byte, count: 16)
            try marker.write(generation: generation)
            #expect(try FileMarker(folder.url.appendingPathComponent("marker")).read() == generation)
        }
        let unwritable = FileMarker(folder.url.appendingPathComponent("no such folder/marker"))
        #expect(throws: (any Error).self) { try unwritable.write(generation: Data(count: 16)) }
    }

    @Test("A date goes to the millisecond and back")
    func dates() throws {
        let moment = Date(timeIntervalSince1970: 1_790_000_000.123)
        var new = report("井盖")
        new.occurredAt = moment
        #expect(new.occurredAtMs == 1_790_000_000_123)
        #expect(try abs(#require(new.occurredAt).timeIntervalSince(moment)) < 0.0005)
        #expect(FieldValue.moment(moment) == .moment(ms: 1_790_000_000_123))
        #expect(Fix(crs: .wgs84, lon: 112.9, lat: 28.2, fixedAt: moment).fixedAtMs == 1_790_000_000_123)
    }
}
