package gridlog

import gridlog.ffi.GridlogException
import gridlog.ffi.surfaceRefusal

/**
 * Makes sure that the native library is there and of the build that this code was generated from. It comes before
 * any other call: a library of another build would take one record for another.
 *
 * @throws GridlogException.Internal `other_api`, with what to do in `en`
 */
internal fun checkLibrary() {
    val refusal = try {
        surfaceRefusal()
    } catch (error: LinkageError) {
        "the native library gridlog_ffi is missing, or older than the bindings: build it again and generate them from it " +
            "(cargo xtask bindings kotlin), and ship both from one build (${error.message})"
    }
    if (refusal != null) throw GridlogException.Internal("other_api", "应用组件版本不一致，请重新安装应用", refusal)
}
