//! Settings of the detector: targets, maintenance, expected crowds, mutes.

use jiff::Timestamp;
use jiff::civil;
use jiff::tz::Offset;
use toml::value::{Datetime, Offset as TomlOffset};

use super::Builder;
use crate::model::{Ceiling, Expected, Maintenance, Mute, Target, TargetSettings};
use crate::reader::{Placed, Value, in_file_order};
use crate::schema;

/// Most targets with settings of their own.
pub const MAXIMUM_TARGET_SETTINGS: usize = 1000;
/// No event is believed to bring more times the usual readers.
const MAXIMUM_TIMES: f64 = 1000.0;

impl<'t, 'i> Builder<'t, 'i> {
    pub(super) fn read_detect(&mut self, value: Option<&'t Value<'i>>) {
        let Some(value) = value else { return };
        let Some(table) = self.reader.table(value, &value.span(), &schema::DETECT) else { return };
        if let Some(rate) = self.reader.rate(table.get("false_alarms_per_month")) {
            self.model.detect.false_alarms_per_month = rate;
        }
        self.read_targets(table.get("target"));
        for value in self.reader.list(table.get("maintenance")) {
            let maintenance = self.maintenance(value);
            self.model.detect.maintenance.extend(maintenance);
        }
        for value in self.reader.list(table.get("expected")) {
            let expected = self.expected(value);
            self.model.detect.expected.extend(expected);
        }
        for value in self.reader.list(table.get("mute")) {
            let mute = self.mute(value);
            self.model.detect.mutes.extend(mute);
        }
    }

    fn read_targets(&mut self, value: Option<&'t Value<'i>>) {
        let Some(value) = value else { return };
        let Some(items) = value.get_ref().as_table() else {
            self.reader.error(value.span(), "here must be tables with names, such as `[detect.target.www]`");
            return;
        };
        for (number, (key, value)) in in_file_order(items).into_iter().enumerate() {
            if number >= MAXIMUM_TARGET_SETTINGS {
                self.reader
                    .error(key.span(), format!("more than {MAXIMUM_TARGET_SETTINGS} targets have settings"));
                break;
            }
            let name = Placed { value: key.get_ref().to_string(), span: key.span() };
            let target = self.target(&name);
            let Some(table) = self.reader.table(value, &key.span(), &schema::TARGET) else { continue };
            let false_alarms_per_month = self.reader.rate(table.get("false_alarms_per_month"));
            let ceiling = self.ceiling(table.get("ceiling"));
            let Some(target) = target else { continue };
            if self.model.detect.targets.iter().any(|settings| settings.target == target) {
                self.reader.error(key.span(), format!("`{}` has settings already", name.value));
                continue;
            }
            self.model.detect.targets.push(TargetSettings { target, false_alarms_per_month, ceiling });
        }
    }

    fn ceiling(&mut self, value: Option<&'t Value<'i>>) -> Ceiling {
        let Some(value) = value else { return Ceiling::default() };
        let Some(table) = self.reader.table(value, &value.span(), &schema::CEILING) else {
            return Ceiling::default();
        };
        Ceiling {
            bits_per_second: self.reader.rate(table.get("bits_per_second")),
            packets_per_second: self.reader.rate(table.get("packets_per_second")),
            new_connections_per_second: self.reader.rate(table.get("new_connections_per_second")),
            queries_per_second: self.reader.rate(table.get("queries_per_second")),
            sources_per_second: self.reader.rate(table.get("sources_per_second")),
        }
    }

    fn maintenance(&mut self, value: &'t Value<'i>) -> Option<Maintenance> {
        let table = self.reader.table(value, &value.span(), &schema::MAINTENANCE)?;
        let start = self.time(table.get("start"));
        let end = self.time(table.get("end"));
        let reason = self.reader.optional_text(table.get("reason"));
        let mut targets = Vec::new();
        for value in self.reader.list(table.get("targets")) {
            targets.extend(self.target_value(value));
        }
        let (start, end, reason) = (start?, end?, reason?);
        if end.value <= start.value {
            self.reader.error(end.span, "this is not later than the start");
            return None;
        }
        Some(Maintenance { targets, start: start.value, end: end.value, reason })
    }

    fn expected(&mut self, value: &'t Value<'i>) -> Option<Expected> {
        let table = self.reader.table(value, &value.span(), &schema::EXPECTED)?;
        let start = self.time(table.get("start"));
        let end = self.time(table.get("end"));
        let reason = self.reader.optional_text(table.get("reason"));
        let times = self.reader.rate(table.get("times"));
        let is_possible = |times: &f64| (1.0..=MAXIMUM_TIMES).contains(times);
        if let Some(value) = table.get("times").filter(|_| times.is_some_and(|times| !is_possible(&times))) {
            self.reader.error(value.span(), format!("this is not from 1 to {MAXIMUM_TIMES}"));
        }
        let (mut services, mut is_whole) = (Vec::new(), true);
        for value in self.reader.list(table.get("services")) {
            let service = self.service(value);
            is_whole &= service.is_some();
            services.extend(service);
        }
        let (start, end, reason, times) = (start?, end?, reason?, times.filter(is_possible)?);
        if end.value <= start.value {
            self.reader.error(end.span, "this is not later than the start");
            return None;
        }
        // One that cannot be read must not become "every service".
        is_whole.then_some(Expected { services, start: start.value, end: end.value, times, reason })
    }

    fn mute(&mut self, value: &'t Value<'i>) -> Option<Mute> {
        let table = self.reader.table(value, &value.span(), &schema::MUTE)?;
        let end = self.time(table.get("end"));
        let reason = self.reader.optional_text(table.get("reason"));
        // A target that cannot be read must not become "every target".
        let target = table.get("target").map(|value| self.target_value(value));
        let mut vectors = Vec::new();
        for value in self.reader.list(table.get("vectors")) {
            let Some(text) = self.reader.text(value) else { continue };
            if schema::VECTOR_NAMES.contains(&text.value.as_str()) {
                vectors.push(text.value);
            } else {
                let known = schema::VECTOR_NAMES.iter().copied();
                self.reader.unknown(text.span, "there is no vector", &text.value, known);
            }
        }
        let sources =
            self.reader.networks(table.get("sources")).into_iter().map(|network| network.value).collect();
        let target = match target {
            Some(target) => Some(target?),
            None => None,
        };
        Some(Mute { target, vectors, sources, end: end?.value, reason: reason? })
    }

    fn target_value(&mut self, value: &Value<'_>) -> Option<Target> {
        let text = self.reader.text(value)?;
        self.target(&text)
    }

    /// A TOML date-time; without an offset it is in the institution's time zone.
    fn time(&mut self, value: Option<&Value<'_>>) -> Option<Placed<Timestamp>> {
        let value = value?;
        let help = "write it without quotes, such as 2026-12-31T18:00:00 or 2026-12-31T18:00:00+01:00";
        let Some(written) = value.get_ref().as_datetime() else {
            let found = value.get_ref().type_str();
            let message = format!("expected a date and time, found `{found}`");
            self.reader.error_with_help(value.span(), message, help);
            return None;
        };
        let time = self.timestamp(written);
        if time.is_none() {
            self.reader.error_with_help(value.span(), "expected a date and a time of day that exist", help);
        }
        Some(Placed { value: time?, span: value.span() })
    }

    fn timestamp(&self, written: &Datetime) -> Option<Timestamp> {
        let (date, time) = (written.date?, written.time?);
        let civil = civil::DateTime::new(
            i16::try_from(date.year).ok()?,
            i8::try_from(date.month).ok()?,
            i8::try_from(date.day).ok()?,
            i8::try_from(time.hour).ok()?,
            i8::try_from(time.minute).ok()?,
            // A leap second is the last second of its minute, as everywhere in civil time without them.
            i8::try_from(time.second.unwrap_or(0).min(59)).ok()?,
            i32::try_from(time.nanosecond.unwrap_or(0)).ok()?,
        )
        .ok()?;
        match written.offset {
            None => civil.to_zoned(self.reader.time_zone.clone()).ok().map(|zoned| zoned.timestamp()),
            Some(TomlOffset::Z) => Offset::UTC.to_timestamp(civil).ok(),
            Some(TomlOffset::Custom { minutes }) => {
                Offset::from_seconds(i32::from(minutes) * 60).ok()?.to_timestamp(civil).ok()
            }
        }
    }
}
