//! What the app knows about signal, so that nothing is sent where nothing can arrive.

use std::mem;
use std::sync::{Arc, PoisonError, RwLock};

use gridlog_client_core::{
    Answer, FileAnswer, FileRequest, FileTransport, HttpTransport, Transport, TransportError,
};

use crate::gate::OfApp;
use crate::host::HostError;
use crate::phone::GridlogPhone;

/// The system's word on the network (`ConnectivityManager`, `NWPathMonitor`).
#[uniffi::export(with_foreign)]
pub trait Connectivity: Send + Sync {
    /// Whether a request may be sent now: false without a network, and where the worker or the app wants
    /// none used. It is asked before every request, on the thread of the sync, and answers at once.
    ///
    /// # Errors
    /// [`HostError`] where nobody knows; the request is sent then.
    fn is_online(&self) -> Result<bool, HostError>;
}

/// The way to the server, past the app's word. Clones share it.
#[derive(Clone)]
pub(crate) struct AppTransport {
    http: HttpTransport,
    connectivity: Arc<RwLock<Option<OfApp<dyn Connectivity>>>>,
}

impl AppTransport {
    pub(crate) fn new(http: HttpTransport) -> Self {
        Self {
            http,
            connectivity: Arc::default(),
        }
    }

    fn ask(&self) -> Result<(), TransportError> {
        let asked = self
            .connectivity
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match asked.map(|connectivity| connectivity.call(|asked| asked.is_online())) {
            Some(Ok(false)) => Err(TransportError::Unreachable {
                reason: "the app says that there is no network".to_owned(),
            }),
            Some(Err(error)) => {
                tracing::warn!(%error, "whether there is a network is not known");
                Ok(())
            }
            Some(Ok(true)) | None => Ok(()),
        }
    }
}

impl Transport for AppTransport {
    fn post(
        &self,
        path: &str,
        bearer: Option<&str>,
        content_type: &str,
        body: &[u8],
    ) -> Result<Answer, TransportError> {
        self.ask()?;
        self.http.post(path, bearer, content_type, body)
    }

    fn get(&self, path: &str, bearer: Option<&str>) -> Result<Answer, TransportError> {
        self.ask()?;
        self.http.get(path, bearer)
    }

    fn listen(
        &self,
        path: &str,
        bearer: Option<&str>,
        on_bytes: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<Answer, TransportError> {
        self.ask()?;
        self.http.listen(path, bearer, on_bytes)
    }
}

impl FileTransport for AppTransport {
    fn exchange(&self, bearer: &str, request: &FileRequest) -> Result<FileAnswer, TransportError> {
        self.ask()?;
        self.http.exchange(bearer, request)
    }
}

#[uniffi::export]
impl GridlogPhone {
    /// Asks `connectivity` before every request from here on; without one, every request is sent.
    pub fn set_connectivity(&self, connectivity: Option<Arc<dyn Connectivity>>) {
        let mut connectivity = connectivity.map(OfApp::new);
        let transport = self.transport();
        let mut asked = transport
            .connectivity
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut *asked, &mut connectivity);
        // The one before is let go of without the lock: that runs the app's code.
        drop(asked);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    struct Says(Result<bool, HostError>);

    impl Connectivity for Says {
        fn is_online(&self) -> Result<bool, HostError> {
            self.0.clone()
        }
    }

    /// A server that answers one request with 204.
    fn answering_once() -> (AppTransport, TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let http = HttpTransport::new(&format!("http://{}", listener.local_addr().unwrap()));
        (AppTransport::new(http.unwrap()), listener)
    }

    fn post_when(says: Result<bool, HostError>) -> Result<u16, TransportError> {
        let (transport, listener) = answering_once();
        *transport.connectivity.write().unwrap() = Some(OfApp::new(Arc::new(Says(says))));
        std::thread::spawn(move || {
            let (mut line, _) = listener.accept().unwrap();
            let _ = line.read(&mut [0; 1024]).unwrap();
            line.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
                .unwrap();
        });
        let answer = transport.post("/v1/sync", None, "application/cbor", &[])?;
        Ok(answer.status)
    }

    #[test]
    fn nothing_is_sent_while_the_app_says_that_there_is_no_network() {
        let refused = post_when(Ok(false)).unwrap_err();
        assert_eq!(refused.code(), "unreachable");
        assert_eq!(post_when(Ok(true)), Ok(204));
    }

    #[test]
    fn an_app_that_does_not_know_keeps_nothing_back() {
        assert_eq!(post_when(Err(HostError::Threw)), Ok(204));
    }
}
