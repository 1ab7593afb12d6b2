//! How a hub begins.

use std::any::TypeId;
use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use super::clock_task;
use crate::config::Config;
use crate::handler::{Side, Table};
use crate::id::SocketId;
use crate::link::session_store::Sessions;
use crate::link::timer_wheel::TimerWheel;
use crate::objects::graph::{Extras, Hub, Statistics};
use crate::objects::heartbeat::{DefaultHeartbeat, Watch};
use crate::objects::hub::Policies;
use crate::observe::metrics::Metrics;
use crate::observe::report::Reporter;
use crate::observe::watchdog::Ward;
use crate::room::JoinWaiters;
use crate::sync::RwLock;

impl Hub {
    /// Starts a hub with [settled](Policies::settle) settings; its clock runs as a task of the current runtime.
    pub(crate) fn start(
        side: Side,
        table: Table,
        config: Config,
        states: HashMap<TypeId, Extras>,
        buffers_while_away: bool,
        policies: Policies,
    ) -> Arc<Self> {
        let Policies { mut proxy_rules, heartbeat, on_error, gate, trust, wall_clock, test_clients } =
            policies;
        proxy_rules.sort_by_key(|rule| std::cmp::Reverse(rule.precision()));
        let heartbeat = heartbeat.unwrap_or_else(|| {
            Watch::new(DefaultHeartbeat { interval: config.heartbeat, timeout: config.heartbeat_timeout })
        });
        let wheel = TimerWheel::new(&config);
        let tick = wheel.tick();
        let sessions = Sessions::new(&config);
        let metrics = Metrics::new(side, &table);
        let blocking_limit = config.blocking_limit;
        let ward = Ward::new(blocking_limit);
        let hub = Arc::new(Self {
            name: SocketId::random().as_str().into(),
            proxy_rules,
            side,
            table,
            config,
            heartbeat,
            states,
            statistics: Statistics::default(),
            metrics,
            buffers_while_away,
            gate,
            trust,
            wall_clock,
            test_clients,
            encodings: Default::default(),
            namespaces: RwLock::default(),
            presence: Arc::default(),
            join_waiters: JoinWaiters::default(),
            wheel,
            started: tokio::time::Instant::now(),
            sessions,
            drivers: TaskTracker::new(),
            reporter: Reporter { hook: on_error },
            ward,
            ending: Notify::new(),
            expiring: Notify::new(),
        });
        let blocked = Arc::downgrade(&hub);
        ward.watch(blocking_limit, blocked);
        tokio::spawn(clock_task::turn(Arc::downgrade(&hub), tick));
        hub
    }
}
