// NOT BUILT HERE: for an Android app to copy.
package your.app

import android.content.Context
import android.security.keystore.KeyGenParameterSpec
import android.security.keystore.KeyProperties.BLOCK_MODE_GCM
import android.security.keystore.KeyProperties.ENCRYPTION_PADDING_NONE
import android.security.keystore.KeyProperties.KEY_ALGORITHM_AES
import android.security.keystore.KeyProperties.PURPOSE_DECRYPT
import android.security.keystore.KeyProperties.PURPOSE_ENCRYPT
import gridlog.keyStore
import java.io.File
import java.security.KeyStore
import java.security.SecureRandom
import javax.crypto.Cipher
import javax.crypto.KeyGenerator
import javax.crypto.SecretKey
import javax.crypto.spec.GCMParameterSpec

private const val ALIAS = "gridlog-store"

/** The store's key, wrapped by a key that never leaves the Keystore, in a folder that backups do not reach. */
fun keystoreKey(context: Context) = keyStore {
    val file = File(context.noBackupFilesDir, "gridlog.key")
    if (!file.exists()) wrap(file, ByteArray(32).also(SecureRandom()::nextBytes))
    unwrap(file)
}

private fun wrap(file: File, key: ByteArray) {
    val cipher = Cipher.getInstance("AES/GCM/NoPadding").apply { init(Cipher.ENCRYPT_MODE, wrappingKey()) }
    val part = File(file.path + ".part")
    part.outputStream().use {
        it.write(cipher.iv + cipher.doFinal(key))
        it.fd.sync()
    }
    check(part.renameTo(file))
}

private fun unwrap(file: File): ByteArray {
    val bytes = file.readBytes()
    val cipher = Cipher.getInstance("AES/GCM/NoPadding")
    cipher.init(Cipher.DECRYPT_MODE, wrappingKey(), GCMParameterSpec(128, bytes, 0, 12))
    return cipher.doFinal(bytes, 12, bytes.size - 12)
}

private fun wrappingKey(): SecretKey {
    val store = KeyStore.getInstance("AndroidKeyStore").apply { load(null) }
    (store.getKey(ALIAS, null) as SecretKey?)?.let { return it }
    val spec = KeyGenParameterSpec.Builder(ALIAS, PURPOSE_ENCRYPT or PURPOSE_DECRYPT)
        .setBlockModes(BLOCK_MODE_GCM)
        .setEncryptionPaddings(ENCRYPTION_PADDING_NONE)
        .setKeySize(256)
        .build()
    return KeyGenerator.getInstance(KEY_ALGORITHM_AES, "AndroidKeyStore").apply { init(spec) }.generateKey()
}
