//! A TCP proxy on 127.0.0.1 that stands between one phone, or several, and a server.
//!
//! It is the weather of the demo, the benches and the whole-system tests: it counts what goes
//! over the wire, refuses connections while there is no signal, and cuts a connection after an
//! exact number of bytes. It follows a server that comes back at another port. One proxy for each
//! phone gives each its own weather and its own counts.
//!
//! Plain threads, two for each open connection and one to accept; [`MAX_OPEN`] bounds them.

mod relay;
mod requests;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How many connections one proxy keeps open; further ones are refused.
pub const MAX_OPEN: usize = 128;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A direction, seen from the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the phone to the server.
    Up,
    /// From the server to the phone.
    Down,
}

/// Where a connection breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Which bytes are counted.
    pub direction: Direction,
    /// How many of them still pass.
    pub after: u64,
}

/// What went through so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes from phones to the server.
    pub up: u64,
    /// Bytes from the server to phones.
    pub down: u64,
    /// Connections that reached the server.
    pub connections: u64,
    /// HTTP requests; each is one round trip.
    pub requests: u64,
    /// Connections that were turned away, or found no server.
    pub refused: u64,
    /// Connections that were cut on purpose.
    pub cuts: u64,
}

impl Traffic {
    /// Both directions together.
    pub const fn bytes(&self) -> u64 {
        self.up + self.down
    }

    /// What went through since an earlier reading.
    pub const fn since(&self, earlier: &Self) -> Self {
        Self {
            up: self.up.saturating_sub(earlier.up),
            down: self.down.saturating_sub(earlier.down),
            connections: self.connections.saturating_sub(earlier.connections),
            requests: self.requests.saturating_sub(earlier.requests),
            refused: self.refused.saturating_sub(earlier.refused),
            cuts: self.cuts.saturating_sub(earlier.cuts),
        }
    }
}

impl std::ops::AddAssign for Traffic {
    fn add_assign(&mut self, other: Self) {
        self.up += other.up;
        self.down += other.down;
        self.connections += other.connections;
        self.requests += other.requests;
        self.refused += other.refused;
        self.cuts += other.cuts;
    }
}

/// A running proxy. Dropping it closes everything.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    upstream: SocketAddr,
    refusing: bool,
    stopped: bool,
    cuts: BTreeMap<u64, Planned>,
    accepted: u64,
    open: BTreeMap<u64, (TcpStream, TcpStream)>,
    traffic: Traffic,
}

/// A cut that is to come.
#[derive(Debug, Clone, Copy)]
struct Planned {
    cut: Cut,
    /// Whether the next connection gets it if this one ends before it got so far.
    passed_on: bool,
}

impl Shared {
    /// Nothing that holds the lock can panic half-way, so a poisoned one is as good as any.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Proxy {
    /// Starts a proxy at a free port of 127.0.0.1. The server need not run yet.
    ///
    /// # Errors
    /// Where no port can be opened.
    pub fn start(upstream: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                upstream,
                refusing: false,
                stopped: false,
                cuts: BTreeMap::new(),
                accepted: 0,
                open: BTreeMap::new(),
                traffic: Traffic::default(),
            }),
        });
        let accepting = Arc::clone(&shared);
        let acceptor = thread::Builder::new()
            .name("proxy".to_owned())
            .spawn(move || accept_all(&listener, &accepting))?;
        Ok(Self {
            address,
            shared,
            acceptor: Some(acceptor),
        })
    }

    /// Where phones connect.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a base address for HTTP.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, connections go to this server.
    pub fn set_upstream(&self, upstream: SocketAddr) {
        self.shared.state().upstream = upstream;
    }

    /// Whether new connections are turned away. Open ones go on; see [`Self::drop_open`].
    pub fn set_refusing(&self, refusing: bool) {
        self.shared.state().refusing = refusing;
    }

    /// Breaks the next connection that gets so far. One that ends before passes it on to the next.
    pub fn cut_next(&self, cut: Cut) {
        let mut state = self.shared.state();
        let next = state.accepted + 1;
        let passed_on = true;
        state.cuts.insert(next, Planned { cut, passed_on });
    }

    /// Breaks the connection of that number; the first one is 1. Connections that are turned away
    /// are not numbered.
    pub fn cut_connection(&self, number: u64, cut: Cut) {
        let passed_on = false;
        let planned = Planned { cut, passed_on };
        self.shared.state().cuts.insert(number, planned);
    }

    /// Breaks every open connection now.
    pub fn drop_open(&self) {
        for (phone, server) in self.shared.state().open.values() {
            close(phone, server);
        }
    }

    /// What went through so far.
    pub fn traffic(&self) -> Traffic {
        self.shared.state().traffic
    }

    /// A second look at the same counts, for whoever watches while others use the proxy.
    pub fn meter(&self) -> Meter {
        Meter(Arc::clone(&self.shared))
    }
}

/// The counts of a proxy, readable wherever the proxy itself is.
#[derive(Debug, Clone)]
pub struct Meter(Arc<Shared>);

impl Meter {
    /// What went through so far.
    pub fn traffic(&self) -> Traffic {
        self.0.state().traffic
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state().stopped = true;
        self.drop_open();
        // The acceptor only looks up when somebody comes.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

fn close(phone: &TcpStream, server: &TcpStream) {
    // One that is closed already is what is wanted.
    let _ = phone.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

fn accept_all(listener: &TcpListener, shared: &Arc<Shared>) {
    for phone in listener.incoming() {
        if shared.state().stopped {
            return;
        }
        let served = phone.and_then(|phone| serve(phone, shared));
        if served.is_err() {
            shared.state().traffic.refused += 1;
        }
    }
}

fn serve(phone: TcpStream, shared: &Arc<Shared>) -> io::Result<()> {
    let upstream = admit(&shared.state())?;
    let server = TcpStream::connect_timeout(&upstream, CONNECT_TIMEOUT)?;
    phone.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let pair = (phone.try_clone()?, server.try_clone()?);
    let (number, planned) = register(shared, pair);
    let relaying = Arc::clone(shared);
    let started = thread::Builder::new()
        .name(format!("proxy {number}"))
        .spawn(move || {
            let cut = planned.map(|planned| planned.cut);
            let was_cut = relay::relay(&phone, &server, cut, &relaying);
            let mut state = relaying.state();
            state.open.remove(&number);
            if let Some(planned) = planned.filter(|planned| planned.passed_on && !was_cut) {
                let next = state.accepted + 1;
                state.cuts.entry(next).or_insert(planned);
            }
            drop(state);
            close(&phone, &server);
        });
    if started.is_err() {
        shared.state().open.remove(&number);
    }
    started.map(drop)
}

fn admit(state: &State) -> io::Result<SocketAddr> {
    if state.refusing || state.open.len() >= MAX_OPEN {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(state.upstream)
}

fn register(shared: &Shared, pair: (TcpStream, TcpStream)) -> (u64, Option<Planned>) {
    let mut state = shared.state();
    state.accepted += 1;
    state.traffic.connections += 1;
    let number = state.accepted;
    state.open.insert(number, pair);
    (number, state.cuts.remove(&number))
}

#[cfg(test)]
mod tests;
