/// Makes sure that the native library is of the build that this code was generated from. It comes before any other
/// call: a library of another build would take one record for another.
///
/// - Parameter refusal: Why the two do not fit, and what to do; nil if they do.
/// - Throws: ``GridlogError/Internal(code:zh:en:)`` with `other_api`.
func checkLibrary(_ refusal: String? = surfaceRefusal()) throws {
    guard let refusal else { return }
    throw GridlogError.Internal(code: "other_api", zh: "应用组件版本不一致，请重新安装应用", en: refusal)
}
