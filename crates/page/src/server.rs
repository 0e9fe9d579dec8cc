//! The server: one thread, one request a connection, and limits on everything that a client can make long.

use crate::{Error, Method, Request, Response, Result, guard};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::{
    body::{Bytes, Incoming},
    header::{self, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    runtime::Runtime,
    sync::{Notify, Semaphore},
};

/// Headers of every answer: no page may load anything from elsewhere or be framed, and nothing is kept.
const HEADERS: &[(HeaderName, &str)] = &[
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];
/// The longest head of a request, in bytes.
const HEAD: usize = 16 * 1024;
/// The answer to a connection too many, which is not read.
const TOO_MANY: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n\
    {\"error\":\"too many connections at once; try again later\"}";

/// What a client may ask of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest body of a request, in bytes.
    pub body: usize,
    /// How long a connection may take, from its beginning to the last byte of the answer.
    pub time: Duration,
    /// How many connections there may be at once.
    pub connections: usize,
    /// How many requests may be answered at once; each takes a thread.
    pub requests: usize,
}

impl Default for Limits {
    /// 1 MiB, ten seconds, 64 connections, 4 requests.
    fn default() -> Self {
        Limits { body: 1 << 20, time: Duration::from_secs(10), connections: 64, requests: 4 }
    }
}

/// A server at work, until it is dropped.
///
/// ```
/// use page::{Limits, Response, Server};
/// use std::{io::{Read, Write}, net::TcpStream};
/// let server = Server::start("127.0.0.1:0".parse()?, Limits::default(), |request| {
///     Response::text("text/plain", format!("this is {}", request.path))
/// })?;
/// let mut connection = TcpStream::connect(server.address())?;
/// write!(connection, "GET /here HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
/// let mut answer = String::new();
/// connection.read_to_string(&mut answer)?;
/// assert!(answer.ends_with("this is /here"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    end: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

type Handler = dyn Fn(Request) -> Response + Send + Sync;

/// What all connections share.
struct Shared {
    address: SocketAddr,
    limits: Limits,
    requests: Arc<Semaphore>,
    handler: Box<Handler>,
}

impl Server {
    /// Answers requests to this address from now on. Port 0 takes any that is free; [`Server::address`] says which.
    ///
    /// # Errors
    /// The address cannot be had, or the system gives no thread.
    pub fn start(
        address: SocketAddr,
        limits: Limits,
        handler: impl Fn(Request) -> Response + Send + Sync + 'static,
    ) -> Result<Server> {
        let refused = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(limits.requests.max(1))
            .thread_name("page-request")
            .build()
            .map_err(Error::Start)?;
        let requests = Arc::new(Semaphore::new(limits.requests));
        let shared = Arc::new(Shared { address, limits, requests, handler: Box::new(handler) });
        let end = Arc::new(Notify::new());
        let ended = Arc::clone(&end);
        let thread = std::thread::Builder::new().name("page-server".into());
        let thread = thread.spawn(move || serve(runtime, listener, shared, &ended)).map_err(Error::Start)?;
        Ok(Server { address, end, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until the process ends.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic on that thread has been told on stderr.
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(runtime: Runtime, listener: TcpListener, shared: Arc<Shared>, end: &Notify) {
    runtime.block_on(async {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => drop(tokio::spawn(accept(listener, shared))),
            Err(error) => log::error!("the page's server cannot be started: {error}"),
        }
        end.notified().await;
    });
    // A request that is being answered is not waited for.
    runtime.shutdown_background();
}

async fn accept(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    let connections = Arc::new(Semaphore::new(shared.limits.connections));
    loop {
        let Ok((mut stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: others will be closed.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(permit) = Arc::clone(&connections).try_acquire_owned() else {
            // Small enough for any buffer, so it does not wait; whether the client reads it is the client's business.
            let _ = stream.write_all(TOO_MANY).await;
            continue;
        };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            // Both ends of the limit are the client's doing: it was slow, or it went away.
            let _ = tokio::time::timeout(shared.limits.time, connection(stream, &shared)).await;
            drop(permit);
        });
    }
}

async fn connection(stream: TcpStream, shared: &Arc<Shared>) {
    let service = service_fn(|request| async move { Ok::<_, Infallible>(with_headers(answer(request, shared).await)) });
    let mut builder = http1::Builder::new();
    let connection = builder.keep_alive(false).max_buf_size(HEAD).serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        log::debug!("a connection to the page ended early: {error}");
    }
}

/// Checks, reads and answers one request.
async fn answer(request: hyper::Request<Incoming>, shared: &Arc<Shared>) -> Response {
    let header = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let method = match *request.method() {
        hyper::Method::GET | hyper::Method::HEAD => Method::Get,
        hyper::Method::POST => Method::Post,
        _ => return Response::error(405, format!("the method is {}; expected GET or POST", request.method())),
    };
    let posts = method == Method::Post;
    if let Some(refusal) = guard::refusal(shared.address, header(header::HOST), header(header::ORIGIN), posts) {
        return Response::error(403, refusal);
    }
    let (path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or_default().to_owned());
    let body = match read(request.into_body(), shared.limits).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let request = Request { method, path, query, body };
    let Ok(permit) = Arc::clone(&shared.requests).try_acquire_owned() else {
        return Response::error(503, "too many requests at once; try again later");
    };
    let shared = Arc::clone(shared);
    let answered = tokio::task::spawn_blocking(move || {
        let response = (shared.handler)(request);
        drop(permit);
        response
    });
    answered.await.unwrap_or_else(|_| Response::error(500, "the server failed at this request; its log says how"))
}

/// The whole body. It has four fifths of the connection's time, so that there is time to say that it took too long.
async fn read(body: Incoming, limits: Limits) -> Result<Vec<u8>, Response> {
    let collected = tokio::time::timeout(limits.time * 4 / 5, Limited::new(body, limits.body).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes().into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Response::error(413, format!("the body is too large; expected at most {} bytes", limits.body)))
        }
        Ok(Err(error)) => Err(Response::error(400, format!("the body cannot be read: {error}"))),
        Err(_) => Err(Response::error(408, "the body took too long; send it at once")),
    }
}

fn with_headers(response: Response) -> hyper::Response<Full<Bytes>> {
    let mut answer = hyper::Response::new(Full::new(Bytes::from(response.body)));
    *answer.status_mut() =
        hyper::StatusCode::from_u16(response.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(response.content_type));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
