//! The live page of a run: how it goes, and buttons that it obeys.
//!
//! The coffee break and the server share a [`Board`]. The break writes on it five times a second at most, and takes what the
//! buttons ask for from it after each iteration; the server reads it whenever a browser asks. Browsers ask once a second and get the
//! whole state each time, so a page that is reloaded, or opened late, shows what all others show; events sent by the server
//! would have to be repeated to latecomers. The history comes from the coffee lounge, and so from the statistics file of a resumed run.

mod board;

use crate::{Limits, Method, Request, Response, Result, STYLE, Server};
use board::{Board, Filters, Order, State};
use layers::Net;
use solver::{BreakContext, BreakResult, CheckpointStore, CoffeeBreak};
use std::{
    fmt,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

/// How often the board is written at most.
const WRITE: Duration = Duration::from_millis(200);
/// How often the filters are read at most, and only while somebody looks.
const READ_FILTERS: Duration = Duration::from_secs(1);
/// How long a paused run sleeps between two looks at the buttons.
const PAUSED: Duration = Duration::from_millis(50);
/// How long a run that has ended waits for those who look to see its end.
const LAST_LOOK: Duration = Duration::from_millis(1500);

/// A coffee break that serves a page on which a run can be watched, paused and stopped. Add it last, at every iteration, so that it
/// shows what the others record; what there is to see depends on them: the loss on a `TrainingSummary`, the accuracy on a
/// `ValidationPerformance`.
///
/// ```no_run
/// # fn train(net: &mut layers::Net) -> Result<(), Box<dyn std::error::Error>> {
/// use page::Dashboard;
/// use solver::{Every, Sgd, Solver, TrainingSummary};
/// let mut solver = Solver::new(Sgd::new()).max_iter(10_000);
/// solver.add_coffee_break(TrainingSummary::new(), Every::Iters(100));
/// let dashboard = Dashboard::start("127.0.0.1:8080".parse()?)?;
/// solver.add_coffee_break(dashboard, Every::Iters(1));
/// solver.solve(net)?;
/// # Ok(())
/// # }
/// ```
pub struct Dashboard {
    server: Server,
    board: Arc<Board>,
    snapshots: Option<Arc<dyn CheckpointStore>>,
    written: Instant,
    filters_read: Option<Instant>,
    /// Iteration and training time when the speed was last measured.
    measured: (u64, Duration),
}

impl Dashboard {
    /// Serves the page from now on, until this is dropped. Port 0 takes any that is free.
    ///
    /// # Errors
    /// The address cannot be had; the message says why.
    pub fn start(address: SocketAddr) -> Result<Dashboard> {
        let board = Arc::new(Board::default());
        let shown = Arc::clone(&board);
        let server = Server::start(address, Limits::default(), move |request| answer(&request, &shown))?;
        let written = Instant::now();
        Ok(Dashboard { server, board, snapshots: None, written, filters_read: None, measured: (0, Duration::ZERO) })
    }

    /// Where the page is.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Gives the page a button that saves a snapshot there.
    pub fn snapshots(mut self, snapshots: &Arc<dyn CheckpointStore>) -> Self {
        self.snapshots = Some(Arc::clone(snapshots));
        self
    }

    /// Shows these lines below the curves, e.g. the last ones of the program's log.
    pub fn log(self, lines: impl Fn() -> Vec<String> + Send + Sync + 'static) -> Self {
        self.board.show_log(Box::new(lines));
        self
    }

    /// Writes how the run goes.
    fn write(&mut self, context: &BreakContext<'_>, run: &'static str) -> BreakResult {
        let now = Instant::now();
        let filters = if run != "paused" && self.board.is_watched() && self.filters_are_due(now) {
            self.filters_read = Some(now);
            first_filters(context.net)?
        } else {
            None
        };
        let (iteration, training) = self.measured;
        let (done, time) = (context.iteration - iteration, context.training.saturating_sub(training));
        let speed = (done > 0 && time >= WRITE).then(|| {
            self.measured = (context.iteration, context.training);
            done as f64 / time.as_secs_f64()
        });
        self.written = now;
        let mut state = self.board.state();
        state.run = run;
        state.iteration = context.iteration;
        state.loss = context.loss;
        state.learning_rate = context.learning_rate;
        state.seconds_left = seconds_left(context);
        state.speed = speed.or(state.speed);
        state.filters = filters.or_else(|| state.filters.take());
        state.append(context.statistics());
        Ok(())
    }

    fn filters_are_due(&self, now: Instant) -> bool {
        self.filters_read.is_none_or(|read| now - read >= READ_FILTERS)
    }

    /// Does what the buttons ask for; stays here while the run is paused.
    fn obey(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        let mut paused = false;
        loop {
            match self.board.take_order() {
                Some(Order::Pause) => {
                    paused = true;
                    self.write(context, "paused")?;
                }
                Some(Order::GoOn) => paused = false,
                Some(Order::Stop) => {
                    context.stop_training();
                    return Ok(());
                }
                Some(Order::Snapshot) => {
                    let Some(snapshots) = &self.snapshots else { continue };
                    context.save_snapshot(snapshots);
                    if paused {
                        // A snapshot is saved when the break is over: the pause goes on after one more iteration.
                        self.board.order_first(Order::Pause);
                        return Ok(());
                    }
                }
                None if paused && !context.is_asked_to_stop() => std::thread::sleep(PAUSED),
                None => return Ok(()),
            }
        }
    }
}

impl CoffeeBreak for Dashboard {
    fn name(&self) -> &str {
        "dashboard"
    }

    fn init(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        self.measured = (context.iteration, context.training);
        let network = picture::network::svg(context.net).unwrap_or_else(|error| {
            log::warn!("the dashboard has no picture of the net: {error}");
            String::new()
        });
        *self.board.state() = State {
            net: context.net.name().to_owned(),
            max_iter: context.max_iter,
            started_at: context.started_at,
            has_snapshots: self.snapshots.is_some(),
            network,
            ..State::default()
        };
        self.write(context, "running")
    }

    fn enjoy(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        if self.written.elapsed() >= WRITE {
            self.write(context, "running")?;
        }
        if self.board.has_orders() { self.obey(context) } else { Ok(()) }
    }

    fn finish(&mut self, context: &mut BreakContext<'_>) -> BreakResult {
        self.write(context, "ended")?;
        let begin = Instant::now();
        while self.board.is_watched() && !self.board.end_was_seen() && begin.elapsed() < LAST_LOOK {
            std::thread::sleep(PAUSED);
        }
        Ok(())
    }
}

impl fmt::Debug for Dashboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dashboard")
            .field("server", &self.server)
            .field("snapshots", &self.snapshots)
            .finish_non_exhaustive()
    }
}

fn answer(request: &Request, board: &Board) -> Response {
    let order = |order| {
        board.order(order);
        Response::json(&"done after this iteration")
    };
    match (request.method, request.path.as_str()) {
        (Method::Get, "/") => Response::text("text/html; charset=utf-8", include_str!("../../assets/dashboard.html")),
        (Method::Get, "/dashboard.js") => {
            Response::text("text/javascript; charset=utf-8", include_str!("../../assets/dashboard.js"))
        }
        (Method::Get, "/dashboard.css") => {
            Response::text("text/css; charset=utf-8", include_str!("../../assets/dashboard.css"))
        }
        (Method::Get, "/style.css") => Response::text("text/css; charset=utf-8", STYLE),
        (Method::Get, "/network.svg") => Response::text("image/svg+xml", board.state().network.clone()),
        (Method::Get, "/state") => Response::json(&board.look()),
        (Method::Post, "/pause") => order(Order::Pause),
        (Method::Post, "/go-on") => order(Order::GoOn),
        (Method::Post, "/snapshot") => order(Order::Snapshot),
        (Method::Post, "/stop") => order(Order::Stop),
        _ => Response::not_found(request, "GET /, /state and /network.svg, POST /pause, /go-on, /snapshot and /stop"),
    }
}

/// How long the rest will take at the pace of the iterations so far. Pauses do not count, and so no coffee break does.
fn seconds_left(context: &BreakContext<'_>) -> Option<u64> {
    let rest = context.max_iter?.saturating_sub(context.iteration);
    let done = context.iteration.checked_sub(context.started_at).filter(|&done| done > 0)?;
    Some((context.training.as_secs_f64() / done as f64 * rest as f64) as u64)
}

/// The filters of the first layer that has a parameter of four axes; `None` if there is no such layer.
fn first_filters(net: &Net) -> layers::Result<Option<Filters>> {
    let Some(param) = net.params().iter().find(|param| param.data().shape().sizes().len() == 4) else {
        return Ok(None);
    };
    let &[filters, channels, height, width] = param.data().shape().sizes() else { return Ok(None) };
    let values = param.data().read::<f32>()?;
    let largest = values.iter().fold(f32::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
    let values = values.iter().map(|value| (value / largest * 127.0).round() as i8).collect();
    Ok(Some(Filters { name: param.key(), shape: [filters, channels, height, width], values }))
}
