//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::error::BenchError;
use crate::workload::{Ground, ffi};

/// The subcommand that names the others.
const LIST: &str = "list";

/// 格志性能测试: what Gridlog costs.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) workload: Workload,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Workload {
    /// 记录：离线、一部手机，每秒可落盘多少条。
    Record {
        /// Records.
        #[arg(long, default_value_t = 1_000)]
        records: u32,
        #[command(flatten)]
        common: Common,
    },
    /// 收工：所有手机同时上传一天的记录和对共享记录的修改。
    DaysEnd {
        #[command(flatten)]
        day: DayArguments,
        /// Runs the JSON baseline under gzip first, and says what part ours is of it.
        #[arg(long)]
        against_baseline: bool,
        #[command(flatten)]
        common: Common,
    },
    /// 对照：同一天的收工，用普通 JSON、后写覆盖的做法，不压缩和 gzip 各一次。
    BaselineJson {
        #[command(flatten)]
        day: DayArguments,
        #[command(flatten)]
        common: Common,
    },
    /// 千机：许多手机同一时刻回来。
    ManyPhones {
        /// Phones, five of each grid.
        #[arg(long, default_value_t = 1_000)]
        phones: u32,
        /// New records on each phone.
        #[arg(long, default_value_t = 20)]
        records: u32,
        /// Processes that the phones are spread over.
        #[arg(long, default_value_t = 4)]
        processes: u32,
        #[command(flatten)]
        common: Common,
    },
    /// 照片：所有手机同时上传一天的照片，与逐个落盘复制相比。
    Photos {
        /// Phones, five of each grid.
        #[arg(long, default_value_t = 20)]
        devices: u32,
        /// Photos on each of them.
        #[arg(long, default_value_t = 10)]
        photos: u32,
        /// About how large each is: bytes, or as in `300KB` (of 1 000 bytes).
        #[arg(long, default_value = "300KB", value_parser = size)]
        size: u32,
        #[command(flatten)]
        common: Common,
    },
    /// 无事：没有变化时重新连接。
    Quiet {
        /// Records in the district; several numbers are run one after the other and compared, as
        /// in `1000,50000`.
        #[arg(long, value_delimiter = ',', default_value = "1000")]
        records: Vec<u32>,
        #[command(flatten)]
        common: Common,
    },
    /// 一处变化：别人改了一条记录之后重新连接。
    OneChanged {
        /// Records in the district.
        #[arg(long, default_value_t = 1_000)]
        records: u32,
        #[command(flatten)]
        common: Common,
    },
    /// 首次：新手机第一次同步。
    Initial {
        /// Records in the district.
        #[arg(long, default_value_t = 10_000)]
        records: u32,
        #[command(flatten)]
        common: Common,
    },
    /// 看板：一个区几年的案卷，月指标和街道看板要多久。
    Board {
        /// Cases of five years.
        #[arg(long, default_value_t = 1_000_000)]
        cases: u32,
        #[command(flatten)]
        common: Common,
    },
    /// 证明：一份很长的日志，建散列树、出具和核验证明、全量核对各要多久。
    Proof {
        /// Entries of the log.
        #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(2..))]
        entries: u32,
        #[command(flatten)]
        common: Common,
    },
    /// 绑定：应用经接口调用引擎的开销，打开、列表、查找、更新、内存、库的大小。
    Ffi {
        /// Cases in the phone's store.
        #[arg(long, default_value_t = 10_000)]
        records: u32,
        /// The stripped release library, whose size is told.
        #[arg(long)]
        library: Option<PathBuf>,
        /// Classes of the same app in Kotlin, and what they need; it takes the library from beside `--library`.
        #[arg(long, requires = "library")]
        kotlin_classpath: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Names the workloads.
    #[command(name = LIST)]
    List {
        #[command(flatten)]
        common: Common,
    },
    /// A device process; the conductor starts it.
    #[command(hide = true)]
    Devices,
    /// The app of the workload `ffi`; it is started by it.
    #[command(hide = true, name = ffi::APP)]
    FfiApp {
        /// The phone's folder.
        #[arg(long)]
        folder: PathBuf,
        /// The server's address.
        #[arg(long)]
        server: String,
    },
    /// The server of the JSON baseline; the conductor starts it as it starts `gridlog-server`.
    #[command(hide = true)]
    Serve {
        /// Its folder.
        #[arg(long)]
        data: PathBuf,
        /// Where it listens.
        #[arg(long)]
        listen: SocketAddr,
    },
}

/// How large a day's end is.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct DayArguments {
    /// Phones, five of each grid.
    #[arg(long, default_value_t = 20)]
    pub(crate) devices: u32,
    /// New records on each phone.
    #[arg(long, default_value_t = 50)]
    pub(crate) records: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Common {
    /// The binary `gridlog-server`; by default the one beside this program.
    #[arg(long)]
    server_bin: Option<PathBuf>,
    /// File to which the figures are added, each run as one line of JSON.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Folder in which the server and the phones keep their data while the bench runs. It should
    /// be on a disk, not in memory; by default it is beside this program.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Seed of all that is written.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Common {
    pub(crate) fn ground(&self) -> Result<Ground, BenchError> {
        let beside = std::env::current_exe()
            .map_err(BenchError::file("this program", "found"))?
            .with_file_name("");
        let server = format!("gridlog-server{}", std::env::consts::EXE_SUFFIX);
        Ok(Ground {
            server_bin: self
                .server_bin
                .clone()
                .unwrap_or_else(|| beside.join(server)),
            folder: self
                .folder
                .clone()
                .unwrap_or_else(|| beside.join("bench-data")),
            seed: self.seed,
        })
    }
}

/// A size in bytes, with or without `KB` or `MB` of thousands.
fn size(text: &str) -> Result<u32, String> {
    let (number, unit) = match (text.strip_suffix("KB"), text.strip_suffix("MB")) {
        (Some(number), _) => (number, 1_000),
        (_, Some(number)) => (number, 1_000_000),
        _ => (text, 1),
    };
    let number: u32 = number.parse().map_err(|_| "write it as 300KB".to_owned())?;
    let size = number.checked_mul(unit).filter(|size| *size >= 1_000);
    size.ok_or_else(|| "at least 1KB and less than 4GB".to_owned())
}

/// The names of what can be run.
pub(crate) fn workloads() -> Vec<String> {
    Arguments::command()
        .get_subcommands()
        .filter(|subcommand| !subcommand.is_hide_set() && subcommand.get_name() != LIST)
        .map(|subcommand| subcommand.get_name().to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
        for hidden in [crew::DEVICES, "serve"] {
            assert_eq!(
                Arguments::command()
                    .find_subcommand(hidden)
                    .map(clap::Command::is_hide_set),
                Some(true)
            );
        }
    }

    #[test]
    fn the_list_names_what_a_person_can_run() {
        let named = workloads();
        let some = [
            "record",
            "days-end",
            "baseline-json",
            "many-phones",
            "initial",
        ];
        assert!(
            some.iter()
                .all(|name| named.iter().any(|named| named == name))
        );
        assert!(
            !named
                .iter()
                .any(|name| name == crew::DEVICES || name == "serve")
        );
    }

    #[test]
    fn a_size_is_bytes_or_thousands_of_them() {
        assert_eq!(size("300KB"), Ok(300_000));
        assert_eq!(size("2MB"), Ok(2_000_000));
        assert_eq!(size("1500"), Ok(1_500));
        assert!(size("0KB").is_err());
        assert!(size("many").is_err());
    }

    #[test]
    fn a_quiet_sync_can_be_compared_over_several_sizes() {
        let parsed = Arguments::parse_from(["gridlog-bench", "quiet", "--records", "1000,50000"]);
        let Workload::Quiet { records, .. } = parsed.workload else {
            panic!("not the workload");
        };
        assert_eq!(records, [1_000, 50_000]);
    }
}
