//! Reason codes of files: why one is not taken, or not given.

/// A header of an upload is missing or does not read.
pub const BAD_UPLOAD: &str = "bad_upload";
/// The same file was begun with another length.
pub const LENGTH_CHANGED: &str = "upload_length_changed";
/// The person may not write in the record.
pub const OUT_OF_SCOPE: &str = "record_out_of_scope";
/// Somebody else began the upload.
pub const FOREIGN: &str = "upload_foreign";
/// There is no such upload.
pub const UNKNOWN: &str = "upload_unknown";
/// The record refers to the file, and its bytes have not come.
pub const NOT_HERE: &str = "file_not_here";
/// There is no preview of the file.
pub const NO_PREVIEW: &str = "no_preview";
/// A connection was silent for too long in the middle of a piece.
pub const CUT: &str = "upload_cut";
/// The record has not come yet: sync it first, then try again.
pub const RECORD_UNKNOWN: &str = "record_unknown";
/// The upload stands elsewhere.
pub const OFFSET: &str = "upload_offset";
/// A newer request goes on with the upload.
pub const TAKEN_OVER: &str = "upload_taken_over";
/// Nobody went on with the upload in time.
pub const EXPIRED: &str = "upload_expired";
/// The protocol's version is another one.
pub const TUS_VERSION: &str = "tus_version";
/// The file is larger than the district takes.
pub const TOO_LARGE: &str = "file_too_large";
/// More bytes came than were promised.
pub const BEYOND_END: &str = "upload_beyond_end";
/// A piece says that it is something else than bytes.
pub const CONTENT_TYPE: &str = "upload_content_type";
/// The uploader has too much under way.
pub const TOO_MANY: &str = "too_many_uploads";
/// The piece is not what its checksum says.
pub const CHECKSUM_WRONG: &str = "checksum_wrong";
/// The file is not what its name says.
pub const HASH_WRONG: &str = "file_hash_wrong";
/// The server's disk is full.
pub const STORAGE_FULL: &str = "storage_full";

/// Every such code, in Chinese and English.
pub const REASONS: &[(&str, &str, &str)] = &[
    (
        BAD_UPLOAD,
        "上传请求有误",
        "a header of the upload is missing or does not read",
    ),
    (
        LENGTH_CHANGED,
        "文件大小与先前不符",
        "the file was begun with another length",
    ),
    (
        OUT_OF_SCOPE,
        "您不能为此记录上传文件",
        "you may not add files to this record",
    ),
    (
        FOREIGN,
        "该上传属于他人或其他设备",
        "somebody else began this upload, or another device",
    ),
    (
        UNKNOWN,
        "上传不存在，请重新开始",
        "there is no such upload; begin again",
    ),
    (
        NOT_HERE,
        "文件尚未传到",
        "the file has not come yet; it is still on a phone",
    ),
    (NO_PREVIEW, "没有预览图", "there is no preview of this file"),
    (
        CUT,
        "连接中断，请续传",
        "the connection broke; go on from where the upload stands",
    ),
    (
        RECORD_UNKNOWN,
        "记录尚未同步，请先同步",
        "the record has not come yet; sync it first, then try again",
    ),
    (
        OFFSET,
        "续传位置不符，请查询后续传",
        "the upload stands elsewhere; ask where, and go on from there",
    ),
    (
        TAKEN_OVER,
        "已由新的连接续传",
        "a newer request goes on with this upload",
    ),
    (
        EXPIRED,
        "上传已过期，请重新开始",
        "the upload has expired; begin again",
    ),
    (
        TUS_VERSION,
        "上传协议版本不符",
        "the server speaks tus 1.0.0",
    ),
    (TOO_LARGE, "文件过大", "the file is too large"),
    (
        BEYOND_END,
        "内容超出文件大小",
        "there are more bytes than the upload's length",
    ),
    (
        CONTENT_TYPE,
        "内容类型不符",
        "a piece is application/offset+octet-stream",
    ),
    (
        TOO_MANY,
        "未完成的上传过多，请稍候",
        "too much is being uploaded already; finish that first",
    ),
    (
        CHECKSUM_WRONG,
        "片段校验不符，请重传该片段",
        "the piece is not what its checksum says; send it again",
    ),
    (
        HASH_WRONG,
        "文件校验不符，已作废，请重新上传",
        "the file is not what its hash says; the upload was thrown away",
    ),
    (
        STORAGE_FULL,
        "服务器存储已满，请稍后再传",
        "the server's disk is full; try again later",
    ),
];

/// The words of a code, Chinese and English; `None` if it is not one of [`REASONS`].
pub fn describe(code: &str) -> Option<(&'static str, &'static str)> {
    REASONS
        .iter()
        .find(|(known, _, _)| *known == code)
        .map(|(_, zh, en)| (*zh, *en))
}
