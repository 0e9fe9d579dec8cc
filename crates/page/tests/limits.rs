//! The server over real connections: what it answers, and that no client can make it wait, swallow or compute without end.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on shall panic

use page::{Error, Limits, Method, Response, Server};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

fn echo(limits: Limits) -> Server {
    let handler = |request: page::Request| match (request.method, request.path.as_str()) {
        (Method::Post, "/length") => Response::json(&request.body.len()),
        (Method::Get, "/query") => Response::text("text/plain", request.query),
        (Method::Get, "/panic") => panic!("on purpose"),
        _ => Response::not_found(&request, "GET /query"),
    };
    Server::start(loopback(), limits, handler).unwrap()
}

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

fn connect(server: &Server) -> TcpStream {
    let connection = TcpStream::connect(server.address()).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    connection
}

/// Status and whole answer to this request.
fn ask(server: &Server, request: &str) -> (u16, String) {
    let mut connection = connect(server);
    connection.write_all(request.as_bytes()).unwrap();
    rest(connection)
}

fn rest(mut connection: TcpStream) -> (u16, String) {
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {answer:?}"));
    (status.parse().unwrap(), answer)
}

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn what_is_asked_is_answered() {
    let server = echo(Limits::default());
    let (status, answer) = ask(&server, "GET /query?a=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(status == 200 && answer.ends_with("\r\n\r\na=1"), "{answer}");
    assert!(answer.contains("content-security-policy: default-src 'self'") && answer.contains("nosniff"), "{answer}");
    assert_eq!(ask(&server, &post("/length", "seven!!")).1.split("\r\n\r\n").nth(1), Some("7"));
    let (status, answer) = ask(&server, "GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(
        status == 404 && answer.ends_with(r#"{"error":"there is no GET /nowhere; there is GET /query"}"#),
        "{answer}"
    );
    let (status, answer) = ask(&server, "DELETE /query HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(status == 405 && answer.contains("the method is DELETE; expected GET or POST"), "{answer}");
    let (status, answer) = ask(&server, "HEAD /query?a=1 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(status == 200 && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn other_sites_are_refused() {
    let server = echo(Limits::default());
    let (status, answer) = ask(&server, "GET /query HTTP/1.1\r\nHost: evil.example\r\n\r\n");
    assert!(status == 403 && answer.contains("the request names the host `evil.example`"), "{answer}");
    let forged = post("/length", "x").replace("\r\n\r\n", "\r\nOrigin: http://evil.example\r\n\r\n");
    assert_eq!(ask(&server, &forged).0, 403);
}

#[test]
fn large_bodies_are_refused_whether_or_not_they_say_their_length() {
    let server = echo(Limits { body: 100, ..Limits::default() });
    assert_eq!(ask(&server, &post("/length", &"x".repeat(100))).0, 200);
    let (status, answer) = ask(&server, &post("/length", &"x".repeat(101)));
    assert!(status == 413 && answer.contains("expected at most 100 bytes"), "{answer}");
    let chunk = format!("40\r\n{}\r\n", "x".repeat(64));
    let head = "POST /length HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(ask(&server, &format!("{head}{chunk}{chunk}0\r\n\r\n")).0, 413);
    let (status, _) = ask(&server, &format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(30_000)));
    assert!((400..500).contains(&status), "{status}");
}

#[test]
fn slow_clients_are_cut_off() {
    let server = echo(Limits { time: Duration::from_millis(500), ..Limits::default() });
    let begin = Instant::now();
    // A head that never ends is not answered, a body that never ends is.
    let mut silent = connect(&server);
    silent.write_all(b"GET /query HTTP/1.1\r\n").unwrap();
    let mut nothing = Vec::new();
    // The server may close in order or by a reset.
    let _ = silent.read_to_end(&mut nothing);
    assert_eq!(nothing, b"");
    let (status, answer) = ask(&server, "POST /length HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx");
    assert!(status == 408 && answer.contains("the body took too long"), "{answer}");
    let took = begin.elapsed();
    assert!(took > Duration::from_millis(800) && took < Duration::from_secs(10), "{took:?}");
    assert_eq!(ask(&server, &post("/length", "x")).0, 200);
}

#[test]
fn connections_and_requests_are_counted() {
    let server = echo(Limits { connections: 2, time: Duration::from_secs(60), ..Limits::default() });
    let held = [connect(&server), connect(&server)];
    // The server has accepted both before the third, since it accepts in order.
    let (status, answer) = rest(connect(&server));
    assert!(status == 503 && answer.contains("too many connections"), "{answer}");
    drop(held);
    let free = (0..500).any(|_| {
        thread::sleep(Duration::from_millis(10));
        ask(&server, &post("/length", "x")).0 == 200
    });
    assert!(free, "closed connections are still counted");

    let gate = Arc::new(Barrier::new(2));
    let behind = Arc::clone(&gate);
    let handler = move |request: page::Request| {
        if request.path == "/gate" {
            behind.wait();
            behind.wait();
        }
        Response::json(&0)
    };
    let server = Arc::new(Server::start(loopback(), Limits { requests: 1, ..Limits::default() }, handler).unwrap());
    let asked = Arc::clone(&server);
    let first = thread::spawn(move || ask(&asked, &post("/gate", "")).0);
    gate.wait();
    let (status, answer) = ask(&server, &post("/x", ""));
    assert!(status == 503 && answer.contains("too many requests at once"), "{answer}");
    gate.wait();
    assert_eq!(first.join().unwrap(), 200);
    assert_eq!(ask(&server, &post("/x", "")).0, 200);
}

#[test]
fn a_handler_that_panics_harms_no_other_request() {
    let server = echo(Limits { requests: 1, ..Limits::default() });
    for _ in 0..3 {
        assert_eq!(ask(&server, "GET /panic HTTP/1.1\r\nHost: localhost\r\n\r\n").0, 500);
    }
    assert_eq!(ask(&server, &post("/length", "x")).0, 200);
}

#[test]
fn a_port_in_use_is_told_and_a_dropped_server_gives_it_back() {
    let first = echo(Limits::default());
    let address = first.address();
    let error = Server::start(address, Limits::default(), |request| Response::not_found(&request, "nothing")).err();
    assert!(matches!(error, Some(Error::Listen { .. })));
    let text = error.unwrap().to_string();
    let advice = "another program has this port; give another one, or 0 for any that is free";
    assert_eq!(text, format!("cannot serve on {address}: {advice}"));
    drop(first);
    assert!(TcpStream::connect(address).is_err());
    let nowhere = "203.0.113.7:0".parse().unwrap();
    let text =
        Server::start(nowhere, Limits::default(), |r| Response::not_found(&r, "nothing")).err().unwrap().to_string();
    assert!(text.contains("this machine has no such address"), "{text}");
}
