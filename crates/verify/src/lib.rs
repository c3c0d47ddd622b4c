//! 核验程序: checks seals and proofs of a case log offline, with nothing but the public key. It opens no
//! connection and believes nothing of what a file says before it is shown by a signature or a hash.
//!
//! The program is [`run`]; it is a library only so that tests can run it as it is.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gridlog_domain::id::RecordId;
use gridlog_proof::{Consistency, Inclusion, ProofError, PublicKey, RecordProof, Seal};
use gridlog_protocol::{Blob, LogEntry, Succession, VerifyingKey};
use serde::Deserialize;

mod entry;

/// A proof larger than this is none.
const MOST_BYTES: u64 = 16 << 20;

/// 离线核验案卷日志的封签与证明。Checks seals and proofs of a case log, offline.
///
/// Exit code 0: all is right. 1: it is not. 2: a file cannot be read.
#[derive(Debug, Parser)]
#[command(name = "gridlog-verify", version)]
struct Arguments {
    /// 公钥。The public key, as the district's office publishes it: name+hash+base64. May be given more than
    /// once.
    #[arg(long, value_name = "KEY", global = true)]
    key: Vec<String>,
    /// 公钥文件，每行一个。File with the public keys, one a line.
    #[arg(long, value_name = "FILE", global = true)]
    keys: Option<PathBuf>,
    /// 换钥文件：服务器 /v1/keys 的应答。How the server's keys followed one another, as its /v1/keys answers, where
    /// you know an earlier key; proofs bring this with them.
    #[arg(long, value_name = "FILE", global = true)]
    successions: Option<PathBuf>,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// 封签 Whether a seal is signed by the key.
    Seal {
        /// The seal.
        file: PathBuf,
    },
    /// 收录证明 Whether a record's entries are in the sealed log, and what they say. `gridlog proof` writes
    /// such a file.
    Record {
        /// The proof.
        file: PathBuf,
    },
    /// 增长证明 Whether the log only grew between two seals.
    Growth {
        /// The proof.
        file: PathBuf,
    },
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("没有公钥，请用 --key 或 --keys 给出 no public key: give it by --key or --keys no_key")]
    NoKey,
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("{path}: not a proof: {source}")]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("换钥记录有误 a note of key succession is not hexadecimal bad_succession")]
    Note,
    #[error("{zh} {code}: {0}", zh = .0.zh(), code = .0.code())]
    Proof(#[from] ProofError),
    #[error("第{0}号条目不可读 entry {0} is sealed and is no entry of a case log unreadable_entry")]
    Unreadable(u64),
    #[error(
        "尚无封签的条目，无可证明，请封签后再取证明 nothing of the record is sealed yet, so nothing is proven: ask again after \
         the next seal（{0} 条待封签 wait） nothing_sealed"
    )]
    NothingSealed(usize),
    #[error("第{0}号条目属于另一记录 entry {0} is about another record other_record")]
    OtherRecord(u64),
}

/// The program.
pub fn run() -> ExitCode {
    let said = match check(&Arguments::parse()) {
        Ok(said) => writeln!(io::stdout(), "{said}").map(|()| ExitCode::SUCCESS),
        Err(failure) => {
            let code = match failure {
                Failure::File { .. } | Failure::NoKey => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            };
            writeln!(io::stderr(), "不可信 not verified: {failure}").map(|()| code)
        }
    };
    said.unwrap_or(ExitCode::FAILURE)
}

fn check(arguments: &Arguments) -> Result<String, Failure> {
    let mut keys = keys(arguments)?;
    if let Some(file) = &arguments.successions {
        let published: Published = json(file)?;
        follow(&mut keys, &published.successions)?;
    }
    Ok(match &arguments.what {
        What::Seal { file } => of_seal(&Seal::read(&text(file)?, &keys)?),
        What::Record { file } => {
            let proof: RecordProof = json(file)?;
            follow(&mut keys, &proof.successions)?;
            record(&proof, &keys)?
        }
        What::Growth { file } => {
            let proof: Consistency = json(file)?;
            follow(&mut keys, &proof.successions)?;
            let (older, newer) = proof.check(&keys)?;
            format!(
                "可信 verified：日志由 {} 条增至 {} 条，未被改写 the log grew from {} to {} entries and was not rewritten. {}",
                older.size,
                newer.size,
                older.size,
                newer.size,
                of_seal(&newer),
            )
        }
    })
}

/// Every entry is checked, and read, and must be about the record that the proof is for.
fn record(proof: &RecordProof, keys: &[PublicKey]) -> Result<String, Failure> {
    let mut told = String::new();
    let mut last = None;
    for inclusion in &proof.entries {
        let (seal, entry) = entry_of(inclusion, keys)?;
        if hex::encode(entry.record.0) != proof.record.to_ascii_lowercase() {
            return Err(Failure::OtherRecord(inclusion.seq));
        }
        told.push_str(&entry::told(&entry));
        last = Some((seal, entry.record));
    }
    let Some((seal, record)) = last else {
        return Err(Failure::NothingSealed(proof.not_sealed.len()));
    };
    if !proof.not_sealed.is_empty() {
        told.push_str(&format!(
            "另有 {} 条待封签 {} more wait for a seal\n",
            proof.not_sealed.len(),
            proof.not_sealed.len()
        ));
    }
    let record = RecordId::from_bytes(record.0);
    Ok(format!(
        "可信 verified：记录 {record} 的以下条目已在日志中 these entries of the record are in the log\n{told}{}\n\
         已证明：持有该公钥对应私钥的区级服务器签署了这份封签；上列每一条目逐字节都在封签所涵盖的日志里，\
         此后改动、删除或插入任何一条，都会与封签不符。\n\
         Proven: the server that holds the key's private half signed this seal; each entry above is in the log \
         that it covers, byte for byte, and changing, dropping or inserting one would no longer fit the seal.\n\
         未证明：条目之外的内容（文字、照片）只以散列值出现；也不证明没有更晚的条目。\n\
         Not proven: words and photos stand in the log only as hashes; nor that nothing came later.",
        of_seal(&seal)
    ))
}

fn entry_of(inclusion: &Inclusion, keys: &[PublicKey]) -> Result<(Seal, LogEntry), Failure> {
    let (seal, bytes) = inclusion.check(keys)?;
    let unreadable = Failure::Unreadable(inclusion.seq);
    match LogEntry::from_bytes(&bytes) {
        Ok(entry) if entry.seq == inclusion.seq => Ok((seal, entry)),
        _ => Err(unreadable),
    }
}

fn of_seal(seal: &Seal) -> String {
    format!(
        "封签 seal：{}，{} 条 entries，{}",
        seal.origin,
        seal.size,
        hex::encode(seal.root)
    )
}

/// What a server's `/v1/keys` answers. Its key is not trusted: only what follows a known one is.
#[derive(Debug, Deserialize)]
struct Published {
    successions: Vec<String>,
}

/// Adds every key that follows a known one.
fn follow(keys: &mut Vec<PublicKey>, notes: &[String]) -> Result<(), Failure> {
    let notes = notes.iter().map(|note| hex::decode(note).map(Blob));
    let notes: Vec<Blob> = notes.collect::<Result<_, _>>().map_err(|_| Failure::Note)?;
    for known in keys.clone() {
        let key = VerifyingKey::from_bytes(&known.bytes()?).map_err(|_| ProofError::Key)?;
        for next in Succession::follow(&key, &notes) {
            keys.push(PublicKey::new(known.name(), next.as_bytes())?);
        }
    }
    Ok(())
}

fn keys(arguments: &Arguments) -> Result<Vec<PublicKey>, Failure> {
    let file = arguments.keys.as_deref().map(text).transpose()?;
    let lines = file.iter().flat_map(|text| text.lines());
    let given = lines.chain(arguments.key.iter().map(String::as_str));
    let keys = given.filter(|line| !line.trim().is_empty()).map(str::parse);
    let keys: Vec<PublicKey> = keys.collect::<Result<_, ProofError>>()?;
    if keys.is_empty() {
        return Err(Failure::NoKey);
    }
    Ok(keys)
}

fn json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    serde_json::from_str(&text(path)?).map_err(|source| Failure::Json {
        path: path.to_owned(),
        source,
    })
}

fn text(path: &Path) -> Result<String, Failure> {
    let read = || {
        let mut text = String::new();
        let file = std::fs::File::open(path)?;
        file.take(MOST_BYTES).read_to_string(&mut text)?;
        Ok(text)
    };
    read().map_err(|source| Failure::File {
        path: path.to_owned(),
        source,
    })
}
