//! What others know and is only read when somebody asks: the Stat Servers and the store.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;

use crate::peek::ServerReport;

/// How the store is doing, as far as the metrics tell it.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoreFigures {
    /// Whether writing works.
    pub healthy: bool,
    /// Changes since start that are on the disk itself.
    pub flushed_changes: u64,
    /// Changes recorded and not yet on the disk.
    pub queue_len: usize,
    /// Changes that history lacks.
    pub lost_changes: u64,
    /// How long the last flush took.
    pub flush_last: Duration,
    /// The longest flush since start.
    pub flush_max: Duration,
    /// Flushes since start.
    pub flushes: u64,
    /// Bytes on the disk for what is known now.
    pub size: u64,
    /// Bytes on the disk for history.
    pub history_size: u64,
    /// Up to when history is on the disk in its own form, in seconds of Unix time.
    pub history_folded_at: Option<u64>,
}

/// A counter's value without an exemplar.
pub(super) fn encode_count(encoder: &mut MetricEncoder<'_>, count: u64) -> fmt::Result {
    encoder.encode_counter::<NoLabelSet, u64, u64>(&count, None::<&Exemplar<NoLabelSet, u64>>)
}

#[derive(Debug)]
pub(super) struct Servers(pub(super) Vec<ServerReport>);

impl Servers {
    /// One figure of each pair that has it.
    fn each(
        &self,
        encoder: &mut DescriptorEncoder<'_>,
        (name, help, metric_type): (&str, &str, MetricType),
        figure: impl Fn(&ServerReport, &mut MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        let mut family = encoder.encode_descriptor(name, help, None, metric_type)?;
        for server in &self.0 {
            let labels = [("server", server.name.as_str())];
            figure(server, &mut family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

impl Collector for Servers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        use MetricType::{Counter, Gauge};
        let encoder = &mut encoder;
        let help = "Whether a Stat Server of the pair is connected";
        let what = ("stat_server_connected", help, Gauge);
        self.each(encoder, what, |server, value| {
            value.encode_gauge(&u32::from(server.state == "connected"))
        })?;
        let help = "Whether the pair's backup is, or was last, the connected one";
        let what = ("stat_server_on_backup", help, Gauge);
        self.each(encoder, what, |server, value| {
            value.encode_gauge(&u32::from(server.side == "backup"))
        })?;
        let help = "Registrations that a Stat Server of the pair answered";
        let what = ("stat_server_connections", help, Counter);
        self.each(encoder, what, |server, value| {
            encode_count(value, server.connections)
        })?;
        let help = "Changes from one side of the pair to the other";
        let what = ("stat_server_switchovers", help, Counter);
        self.each(encoder, what, |server, value| {
            encode_count(value, server.switchovers)
        })?;
        let help = "How long the last answered heartbeat took, in seconds; NaN if none was";
        let what = ("stat_server_addp_round_trip_seconds", help, Gauge);
        self.each(encoder, what, |server, value| {
            let round_trip = server.addp_round_trip;
            value.encode_gauge(&round_trip.map_or(f64::NAN, |time| time.as_secs_f64()))
        })
    }
}

#[derive(Debug)]
pub(super) struct Store(pub(super) StoreFigures);

impl Collector for Store {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let figures = &self.0;
        let mut gauge = |name, help, value: f64| {
            let family = encoder.encode_descriptor(name, help, None, MetricType::Gauge);
            family?.encode_gauge(&value)
        };
        let help = "Whether the store can write";
        gauge("store_healthy", help, f64::from(u8::from(figures.healthy)))?;
        let help = "How long the last flush took, in seconds";
        gauge(
            "store_flush_last_seconds",
            help,
            figures.flush_last.as_secs_f64(),
        )?;
        let help = "The longest flush since start, in seconds";
        gauge(
            "store_flush_max_seconds",
            help,
            figures.flush_max.as_secs_f64(),
        )?;
        let mut number = |name, help, kind, value: u64| {
            let mut encoder = encoder.encode_descriptor(name, help, None, kind)?;
            match kind {
                MetricType::Counter => encode_count(&mut encoder, value),
                _ => encoder.encode_gauge(&value),
            }
        };
        let help = "Changes recorded and not yet on the disk";
        let queued = u64::try_from(figures.queue_len).unwrap_or(u64::MAX);
        number("store_queue_changes", help, MetricType::Gauge, queued)?;
        let help = "Changes since start that are on the disk itself";
        number(
            "store_flushed_changes",
            help,
            MetricType::Counter,
            figures.flushed_changes,
        )?;
        let help = "Changes that history lacks, because the queue was full or the end had come";
        number(
            "store_lost_changes",
            help,
            MetricType::Counter,
            figures.lost_changes,
        )?;
        let help = "Flushes since start";
        number("store_flushes", help, MetricType::Counter, figures.flushes)?;
        let help = "Bytes on the disk for catalogue, last values and journal";
        number("store_size_bytes", help, MetricType::Gauge, figures.size)?;
        let help = "Bytes on the disk for history";
        let size = figures.history_size;
        number("store_history_size_bytes", help, MetricType::Gauge, size)?;
        let help = "The instant up to which changes are folded into history, in Unix time";
        if let Some(at) = figures.history_folded_at {
            number(
                "store_history_folded_timestamp_seconds",
                help,
                MetricType::Gauge,
                at,
            )?;
        }
        Ok(())
    }
}
