//! The server under test: a process of its own over a fresh folder, behind a proxy that counts.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use gridlog_cli::proxy::{Proxy, Traffic};
use gridlog_cli::server::{Server, ServerSetup};
use tempfile::TempDir;

use crate::crew::Crew;
use crate::directory::Directory;
use crate::disk;
use crate::error::BenchError;
use crate::figures::Costs;
use crate::orders::{Exchange, Handset, Opening, System};
use crate::usage;
use crate::workload::Ground;

const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A running district.
pub(crate) struct District {
    system: System,
    seed: u64,
    setup: ServerSetup,
    server: Option<Server>,
    proxy: Proxy,
    folder: TempDir,
}

/// What was used when measuring began.
pub(crate) struct Beginning {
    traffic: Traffic,
    server_cpu_s: Option<f64>,
    device_cpu_s: Option<f64>,
}

impl District {
    /// Starts Gridlog's server for the people of a directory. Its folder and those of the phones
    /// are made on the ground.
    pub(crate) fn gridlog(
        ground: &Ground,
        directory: &Directory,
        handsets: &mut [Handset],
    ) -> Result<Self, BenchError> {
        let program = ground.server_bin.clone();
        let mut district = Self::prepare(ground, System::Gridlog, program, handsets)?;
        let files = directory.write(district.folder.path())?;
        district.setup.load(&files)?;
        district.restart_server()?;
        Ok(district)
    }

    /// A server of these tables that is not started yet.
    pub(crate) fn loaded(ground: &Ground, directory: &Directory) -> Result<Self, BenchError> {
        let program = ground.server_bin.clone();
        let district = Self::prepare(ground, System::Gridlog, program, &mut [])?;
        let files = directory.write(district.folder.path())?;
        district.setup.load(&files)?;
        Ok(district)
    }

    /// The server's database.
    pub(crate) fn database(&self) -> PathBuf {
        self.setup.data.join("district.db")
    }

    /// Where the server itself listens; empty while it does not run.
    pub(crate) fn address(&self) -> String {
        self.server.as_ref().map(Server::url).unwrap_or_default()
    }

    /// What the server used since it was started, by which nothing was counted that travelled.
    pub(crate) fn costs_of_server(&self) -> Result<Costs, BenchError> {
        let server = self.server_process();
        Ok(Costs {
            server_cpu_s: server.and_then(usage::cpu_seconds),
            server_peak_rss_bytes: server.and_then(usage::peak_memory),
            server_disk_bytes: disk::size_of(&self.setup.data)
                .map_err(BenchError::file(&self.setup.data, "read"))?,
            ..Costs::default()
        })
    }

    /// Starts the server of the JSON baseline, which is this program again and has no directory.
    pub(crate) fn json(
        ground: &Ground,
        gzip: bool,
        handsets: &mut [Handset],
    ) -> Result<Self, BenchError> {
        let program = std::env::current_exe().map_err(BenchError::file("this program", "found"))?;
        let mut district = Self::prepare(ground, System::Json { gzip }, program, handsets)?;
        district.restart_server()?;
        Ok(district)
    }

    fn prepare(
        ground: &Ground,
        system: System,
        program: PathBuf,
        handsets: &mut [Handset],
    ) -> Result<Self, BenchError> {
        let place = &ground.folder;
        fs::create_dir_all(place).map_err(BenchError::file(place, "created"))?;
        let folder = tempfile::Builder::new()
            .prefix("gridlog-bench-")
            .tempdir_in(place)
            .map_err(BenchError::file(place, "written"))?;
        for handset in handsets.iter_mut() {
            handset.folder = folder.path().join(&handset.folder);
        }
        // Nobody is behind the proxy until a server is started.
        let proxy = Proxy::start(ANYWHERE).map_err(|source| BenchError::Proxy { source })?;
        Ok(Self {
            system,
            seed: ground.seed,
            setup: ServerSetup {
                program,
                data: folder.path().join("server"),
                log: folder.path().join("server.log"),
                environment: Vec::new(),
            },
            server: None,
            proxy,
            folder,
        })
    }

    /// How phones are opened that sync through the proxy: everything that passes is counted.
    pub(crate) fn opening(&self) -> Opening {
        self.opening_at(self.proxy.url())
    }

    /// How phones are opened that talk to the server itself, more than a proxy has room for.
    pub(crate) fn direct_opening(&self) -> Opening {
        self.opening_at(self.address())
    }

    fn opening_at(&self, server: String) -> Opening {
        Opening {
            system: self.system,
            server,
            seed: self.seed,
        }
    }

    /// How long the disk under everything takes for one durable write, in milliseconds.
    pub(crate) fn fsync_ms(&self) -> Result<f64, BenchError> {
        disk::fsync_ms(self.folder.path()).map_err(BenchError::file(self.folder.path(), "written"))
    }

    /// How long it takes to copy files of these sizes beside the server's data, each durable before the next, in
    /// seconds.
    pub(crate) fn copying_s(&self, sizes: &[u64]) -> Result<f64, BenchError> {
        let folder = self.folder.path();
        disk::copying_s(folder, sizes).map_err(BenchError::file(folder, "written"))
    }

    /// Stops the server and starts it again, so that what it uses from now on belongs to what is
    /// measured.
    pub(crate) fn restart_server(&mut self) -> Result<(), BenchError> {
        if let Some(server) = self.server.take() {
            server.stop()?;
        }
        let server = self.setup.start(ANYWHERE)?;
        self.proxy.set_upstream(server.address());
        self.server = Some(server);
        Ok(())
    }

    /// Begins to measure.
    pub(crate) fn begin(&self, crew: &mut Crew) -> Result<Beginning, BenchError> {
        Ok(Beginning {
            traffic: self.proxy.traffic(),
            server_cpu_s: self.server_process().and_then(usage::cpu_seconds),
            device_cpu_s: crew.cpu_seconds()?,
        })
    }

    /// What was used since, and what travelled between phones and the proxy.
    pub(crate) fn since(
        &self,
        begun: &Beginning,
        crew: &mut Crew,
        exchange: Exchange,
    ) -> Result<Costs, BenchError> {
        let traffic = self.proxy.traffic().since(&begun.traffic);
        let passed_by = traffic.requests == 0 && exchange.requests > 0;
        let counted = |bytes: u64| (!passed_by).then_some(bytes);
        let server = self.server_process();
        let device_cpu_s = crew.cpu_seconds()?;
        let minus = |now: Option<f64>, then: Option<f64>| Some(now? - then?);
        Ok(Costs {
            round_trips: if passed_by {
                exchange.requests
            } else {
                traffic.requests
            },
            bytes_up: counted(traffic.up),
            bytes_down: counted(traffic.down),
            body_up: exchange.body_up,
            body_down: exchange.body_down,
            server_cpu_s: minus(server.and_then(usage::cpu_seconds), begun.server_cpu_s),
            server_peak_rss_bytes: server.and_then(usage::peak_memory),
            server_disk_bytes: disk::size_of(&self.setup.data)
                .map_err(BenchError::file(&self.setup.data, "read"))?,
            device_cpu_s: minus(device_cpu_s, begun.device_cpu_s),
        })
    }

    fn server_process(&self) -> Option<u32> {
        self.server.as_ref().map(Server::process_id)
    }
}
