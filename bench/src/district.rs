//! The server under test: a process of its own over a fresh folder, behind a proxy that counts.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use gridlog_cli::proxy::{Proxy, Traffic};
use gridlog_cli::server::{DirectoryFiles, Server, ServerSetup};
use gridlog_cli::street::{CALENDAR, CATALOGUE, CHECKLISTS, Street};
use gridlog_domain::id::PersonId;
use tempfile::TempDir;

use crate::crew::Crew;
use crate::disk;
use crate::error::BenchError;
use crate::figures::Costs;
use crate::handset::PASSWORD;
use crate::orders::Handset;
use crate::usage;

/// How many devices share a grid.
pub(crate) const DEVICES_PER_GRID: u32 = 5;

const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// A running district.
pub(crate) struct District {
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

/// Phones of the street's workers: five a grid, and as many more in the first grid as `guests`
/// says. Nothing is opened yet; their folders are names in that of the district.
pub(crate) fn handsets(devices: u32, guests: u32) -> Result<Vec<Handset>, BenchError> {
    let street = Street::load()?;
    let grids: Vec<_> = street.grids().collect();
    let handset = |device: u32, grid: u32, worker: u32| {
        let grid = grids.get(grid as usize)?;
        let person = street.workers_of(&grid.code).nth(worker as usize)?;
        Some(Handset {
            device,
            person: person.id.clone(),
            grid: grid.code.clone(),
            folder: PathBuf::from(format!("phone-{device:03}")),
        })
    };
    let residents = (0..devices)
        .map(|device| handset(device, device / DEVICES_PER_GRID, device % DEVICES_PER_GRID));
    let guests = (0..guests).map(|guest| handset(devices + guest, 0, DEVICES_PER_GRID + guest));
    residents
        .chain(guests)
        .collect::<Option<Vec<_>>>()
        .ok_or(BenchError::TooManyDevices {
            asked: devices,
            most: grids.len() * DEVICES_PER_GRID as usize,
        })
}

impl District {
    /// Starts a fresh server on which the people of the phones may sign in. Its folder and those
    /// of the phones are made in `place`.
    pub(crate) fn start(
        server_bin: &Path,
        place: &Path,
        handsets: &mut [Handset],
    ) -> Result<Self, BenchError> {
        fs::create_dir_all(place).map_err(BenchError::file(place, "created"))?;
        let folder = tempfile::Builder::new()
            .prefix("gridlog-bench-")
            .tempdir_in(place)
            .map_err(BenchError::file(place, "written"))?;
        let setup = ServerSetup {
            program: server_bin.to_owned(),
            data: folder.path().join("server"),
            log: folder.path().join("server.log"),
            environment: Vec::new(),
        };
        for handset in handsets.iter_mut() {
            handset.folder = folder.path().join(&handset.folder);
        }
        setup.load(&write_directory(folder.path(), handsets)?)?;
        let server = setup.start(ANYWHERE)?;
        let proxy =
            Proxy::start(server.address()).map_err(|source| BenchError::Proxy { source })?;
        Ok(Self {
            setup,
            server: Some(server),
            proxy,
            folder,
        })
    }

    /// Where phones sync; everything that passes is counted.
    pub(crate) fn url(&self) -> String {
        self.proxy.url()
    }

    /// How long the disk under everything takes for one durable write, in milliseconds.
    pub(crate) fn fsync_ms(&self) -> Result<f64, BenchError> {
        disk::fsync_ms(self.folder.path()).map_err(BenchError::file(self.folder.path(), "written"))
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

    /// What was used since.
    pub(crate) fn since(&self, begun: &Beginning, crew: &mut Crew) -> Result<Costs, BenchError> {
        let traffic = self.proxy.traffic().since(&begun.traffic);
        let server = self.server_process();
        let device_cpu_s = crew.cpu_seconds()?;
        let minus = |now: Option<f64>, then: Option<f64>| Some(now? - then?);
        Ok(Costs {
            round_trips: traffic.requests,
            bytes_up: traffic.up,
            bytes_down: traffic.down,
            server_cpu_s: minus(server.and_then(usage::cpu_seconds), begun.server_cpu_s),
            server_peak_rss_bytes: server.and_then(usage::peak_memory),
            server_disk_bytes: disk::size_of(&self.setup.data)
                .map_err(BenchError::file(&self.setup.data, "read"))?,
            device_cpu_s: minus(device_cpu_s, begun.device_cpu_s),
        })
    }

    fn server_process(&self) -> Option<u32> {
        usage::server_of(&self.setup.data)
    }
}

fn write_directory(folder: &Path, handsets: &[Handset]) -> Result<DirectoryFiles, BenchError> {
    let street = Street::load()?;
    let password = |person: &PersonId| {
        let has_phone = handsets.iter().any(|handset| handset.person == *person);
        has_phone.then(|| PASSWORD.to_owned())
    };
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(BenchError::file(&path, "written"))?;
        Ok::<_, BenchError>(path)
    };
    Ok(DirectoryFiles {
        areas: write("areas.csv", &street.areas_csv()?)?,
        people: write("people.csv", &street.people_csv(password)?)?,
        catalogue: write("catalogue.json", CATALOGUE)?,
        checklists: write("checklists.json", CHECKLISTS)?,
        calendar: write("calendar.json", CALENDAR)?,
    })
}
