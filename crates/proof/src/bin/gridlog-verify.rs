//! 核验程序: checks seals and proofs of a case log offline, with nothing but the public key.

use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gridlog_proof::{Consistency, Inclusion, ProofError, PublicKey, Seal};

/// A proof larger than this is none.
const MOST_BYTES: u64 = 4 << 20;

/// 离线核验案卷日志的封签与证明。Checks seals and proofs of a case log, offline.
///
/// Exit code 0: all is right. 1: it is not. 2: a file cannot be read.
#[derive(Debug, Parser)]
#[command(name = "gridlog-verify", version)]
struct Arguments {
    /// 公钥文件，每行一个。File with the public keys, one a line, from the district's office.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
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
    /// 收录证明 Whether an entry is in the sealed log, as `gridlog proof` writes it.
    Inclusion {
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
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("{path}: not a proof: {source}")]
    Json {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("{zh} {code}: {0}", zh = .0.zh(), code = .0.code())]
    Proof(#[from] ProofError),
}

fn main() -> ExitCode {
    let said = match check(&Arguments::parse()) {
        Ok(said) => writeln!(io::stdout(), "{said}").map(|()| ExitCode::SUCCESS),
        Err(failure) => {
            let code = match failure {
                Failure::File { .. } => ExitCode::from(2),
                _ => ExitCode::FAILURE,
            };
            writeln!(io::stderr(), "不可信 not verified: {failure}").map(|()| code)
        }
    };
    said.unwrap_or(ExitCode::FAILURE)
}

fn check(arguments: &Arguments) -> Result<String, Failure> {
    let keys = keys(&arguments.keys)?;
    Ok(match &arguments.what {
        What::Seal { file } => of_seal(&Seal::read(&text(file)?, &keys)?),
        What::Inclusion { file } => {
            let proof: Inclusion = json(file)?;
            let (seal, entry) = proof.check(&keys)?;
            format!(
                "可信 verified：第{}号条目（{} 字节）已在日志中 entry {} of {} bytes is in the log. {}",
                proof.seq,
                entry.len(),
                proof.seq,
                entry.len(),
                of_seal(&seal),
            )
        }
        What::Growth { file } => {
            let proof: Consistency = json(file)?;
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

fn of_seal(seal: &Seal) -> String {
    format!(
        "封签 seal：{}，{} 条 entries，{}",
        seal.origin,
        seal.size,
        hex::encode(seal.root)
    )
}

fn keys(path: &Path) -> Result<Vec<PublicKey>, Failure> {
    let text = text(path)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    Ok(lines.map(str::parse).collect::<Result<_, ProofError>>()?)
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
