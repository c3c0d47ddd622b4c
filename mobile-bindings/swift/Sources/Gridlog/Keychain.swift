// NOT BUILT HERE: Linux has no Keychain.
#if canImport(Security)
import Foundation
import Security

/// Keeps the store's key in the Keychain of this device: read after the first unlock, left out of every backup.
///
/// The key is made when it is asked for the first time. A store without its key is lost. Before the first unlock it cannot
/// be read: `key_store_failed`, with `device_locked` in `en`; open the store again later.
///
/// On a Mac the app has to be signed with an entitlement for the Keychain (`keychain-access-groups`, or the sandbox's).
public final class KeychainKey: KeyStore {
    private let service: String
    private let account: String

    /// - Parameters:
    ///   - service: Whose item it is; an app has one.
    ///   - account: Which store's key it is.
    public init(service: String = "gridlog", account: String = "store-key") {
        self.service = service
        self.account = account
    }

    public func storeKey() throws -> Data {
        try find() ?? make()
    }

    private var item: [CFString: Any] {
        [
            kSecClass: kSecClassGenericPassword,
            kSecAttrService: service,
            kSecAttrAccount: account,
            kSecUseDataProtectionKeychain: true,
        ]
    }

    private func find() throws -> Data? {
        var query = item
        query[kSecReturnData] = true
        var found: CFTypeRef?
        switch SecItemCopyMatching(query as CFDictionary, &found) {
        case errSecSuccess:
            return found as? Data
        case errSecItemNotFound:
            return nil
        case let status:
            throw failure(status)
        }
    }

    private func make() throws -> Data {
        var bytes = [UInt8](repeating: 0, count: 32)
        let drawn = SecRandomCopyBytes(kSecRandomDefault, bytes.count, &bytes)
        guard drawn == errSecSuccess else { throw failure(drawn) }
        var new = item
        new[kSecValueData] = Data(bytes)
        // A sync in the background reads it while the phone is locked; no other device ever does.
        new[kSecAttrAccessible] = kSecAttrAccessibleAfterFirstUnlockThisDeviceOnly
        switch SecItemAdd(new as CFDictionary, nil) {
        case errSecSuccess:
            return Data(bytes)
        case errSecDuplicateItem:
            // Another process of the app was first.
            guard let first = try find() else { throw failure(errSecDuplicateItem) }
            return first
        case let status:
            throw failure(status)
        }
    }

    private func failure(_ status: OSStatus) -> HostError {
        .Failed(code: status == errSecInteractionNotAllowed ? "device_locked" : "keychain_\(status)")
    }
}
#endif
