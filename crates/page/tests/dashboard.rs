//! The dashboard over real connections, beside a run that trains.
#![allow(clippy::unwrap_used, clippy::panic)] // a test that cannot go on shall panic

use layers::prelude::*;
use page::Dashboard;
use serde_json::Value;
use solver::{Checkpoint, CheckpointStore, Every, Report, Sgd, Solver, StopFlag, Stopped, TrainingSummary};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Remembers the iterations of which a snapshot was saved.
#[derive(Debug, Default)]
struct Saved(Mutex<Vec<u64>>);

impl CheckpointStore for Saved {
    fn prepare(&self) -> solver::Result<()> {
        Ok(())
    }
    fn save(&self, checkpoint: &Checkpoint) -> solver::Result<PathBuf> {
        self.0.lock().unwrap().push(checkpoint.iteration);
        Ok("memory".into())
    }
    fn remove(&self, _: u64) -> solver::Result<()> {
        Ok(())
    }
    fn load(&self, _: u64) -> solver::Result<(PathBuf, Checkpoint)> {
        unreachable!("nothing here goes back to a snapshot")
    }
    fn load_newest(&self) -> solver::Result<Option<(PathBuf, Checkpoint)>> {
        Ok(None)
    }
}

/// A run without an end, and where to look at it.
struct Watched {
    address: SocketAddr,
    stop: StopFlag,
    saved: Arc<Saved>,
    run: JoinHandle<Report>,
}

fn train() -> Watched {
    let (stop, saved) = (StopFlag::new(), Arc::new(Saved::default()));
    let store: Arc<dyn CheckpointStore> = Arc::clone(&saved) as _;
    let dashboard = Dashboard::start("127.0.0.1:0".parse().unwrap()).unwrap();
    let dashboard = dashboard.snapshots(&store).log(|| vec!["a line <b>".into()]);
    let (address, flag) = (dashboard.address(), stop.clone());
    let run = thread::spawn(move || {
        let data = MemoryData::new("image", 2).zeros("data", [4, 1, 6, 6]).zeros("label", [4, 1]);
        let network = layers![
            data,
            Convolution::new("conv", 3, (2, 2)).bottom("data").top("conv"),
            InnerProduct::new("ip", 2).bottom("conv").top("ip"),
            SoftmaxLoss::new("loss").bottoms(["ip", "label"]),
        ];
        let mut net = Net::new("tiny", &backend_cpu::Cpu::with_threads(1).unwrap(), network).unwrap();
        let mut solver = Solver::new(Sgd::new()).stop_on(&flag);
        solver.add_coffee_break(TrainingSummary::new(), Every::Iters(50));
        solver.add_coffee_break(dashboard, Every::Iters(1));
        solver.solve(&mut net).unwrap()
    });
    Watched { address, stop, saved, run }
}

fn ask(address: SocketAddr, method: &str, path: &str) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(connection, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{method} {path}: {answer}");
    body.to_owned()
}

impl Watched {
    fn state(&self) -> Value {
        serde_json::from_str(&ask(self.address, "GET", "/state")).unwrap()
    }

    /// Looks until the state is as wanted.
    fn wait(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        loop {
            let state = self.state();
            if wanted(&state) {
                return state;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "it stays at {state}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn order(&self, what: &str) {
        ask(self.address, "POST", what);
    }
}

fn iteration(state: &Value) -> u64 {
    state["iteration"].as_u64().unwrap()
}

#[test]
fn a_run_is_seen_paused_saved_and_stopped() {
    let run = train();
    let state = run.wait(|state| state["curve"]["raw"].as_array().is_some_and(|raw| raw.len() > 3));
    assert_eq!((state["run"].as_str(), state["net"].as_str()), (Some("running"), Some("tiny")));
    assert_eq!(state["curve"]["raw"][0][0], 50.0);
    assert_eq!(state["log"][0], "a line <b>");
    let state = run.wait(|state| !state["filters"].is_null());
    assert_eq!(state["filters"]["shape"], serde_json::json!([3, 1, 2, 2]));
    assert!(ask(run.address, "GET", "/network.svg").contains("<svg"));
    for path in ["/dashboard.js", "/dashboard.css", "/style.css"] {
        assert!(ask(run.address, "GET", "/").contains(path) && !ask(run.address, "GET", path).is_empty());
    }

    run.order("/pause");
    let paused = iteration(&run.wait(|state| state["run"] == "paused"));
    thread::sleep(Duration::from_millis(400));
    assert_eq!(iteration(&run.state()), paused);
    // One more iteration, so that the snapshot is saved between two.
    run.order("/snapshot");
    run.wait(|state| state["run"] == "paused" && iteration(state) == paused + 1);
    assert_eq!(*run.saved.0.lock().unwrap(), [paused]);
    run.order("/go-on");
    run.wait(|state| state["run"] == "running" && iteration(state) > paused + 1);

    run.order("/stop");
    run.wait(|state| state["run"] == "ended");
    let report = run.run.join().unwrap();
    assert_eq!(report.stopped, Stopped::CoffeeBreak { name: "dashboard".into() });
    assert!(report.iterations > paused + 1);
}

#[test]
fn a_signal_ends_a_paused_run() {
    let run = train();
    run.order("/pause");
    run.wait(|state| state["run"] == "paused");
    run.stop.stop(15);
    assert_eq!(run.run.join().unwrap().stopped, Stopped::Interrupted { signal: 15 });
}
