//! Values of a question become values of a column's type, or an error that says what was expected.

mod class;
pub(crate) mod decimal;
pub(crate) mod moment;
#[cfg(test)]
mod tests;

use chrono::{NaiveDate, NaiveTime, Timelike};
use datafusion::common::ScalarValue;
use serde_json::Value;

pub(crate) use class::Class;

pub(crate) use self::moment::Clock;
use self::{
    decimal::{DIGITS_MAX, Decimal},
    moment::{Moment, Period},
};
use crate::{
    context::QueryContext,
    error::{Error, Result},
    nearest,
};

/// What a column is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Comparand {
    Null,
    One(ScalarValue),
    /// From the first until before the second: a day against instants.
    Span(ScalarValue, ScalarValue),
}

/// Reads values for one comparison.
#[derive(Clone, Copy)]
pub(crate) struct Coercer<'a> {
    pub(crate) context: &'a QueryContext,
    pub(crate) class: &'a Class,
    /// The field, for errors.
    pub(crate) name: &'a str,
    /// The place, for errors.
    pub(crate) at: &'a str,
    /// The values are such as records hold: nothing in them stands for something else.
    pub(crate) literal: bool,
}

impl Coercer<'_> {
    fn clock(&self) -> Clock {
        self.context.clock()
    }

    pub(crate) fn error(&self, message: impl Into<String>) -> Error {
        let message = message.into();
        // What only tells what is expected tells of what.
        let message = match message.starts_with("expects ") {
            true => format!("{:?} {message}", self.name),
            false => message,
        };
        Error::invalid("INVALID_FILTER", self.at, message)
    }

    fn expects(&self, what: &str, value: &Value) -> Error {
        self.error(format!("{:?} is a {}: expects {what}, not {value}", self.name, self.class.name()))
    }

    /// One value.
    ///
    /// # Errors
    ///
    /// `Invalid` when it is not one of the field's type; `FILTER_TOKEN_UNKNOWN`.
    pub(crate) fn value(&self, value: &Value) -> Result<Comparand> {
        if value.is_null() {
            return Ok(Comparand::Null);
        }
        if !self.literal
            && let Some(text) = value.as_str()
            && let Some(token) = token_name(text)
        {
            return self.token(token);
        }
        match self.class {
            Class::Text | Class::Reference | Class::References | Class::Json => self.text(value),
            Class::Parts | Class::Vector | Class::List => {
                Err(self.expects("nothing to compare it with", value))
            }
            Class::Choice(options) | Class::Choices(options) => self.choice(options, value),
            Class::Float => self.float(value),
            Class::Int | Class::Decimal { .. } | Class::Score => self.number(value),
            Class::Bool => match (value, value.as_str()) {
                (Value::Bool(flag), _) => Ok(one(ScalarValue::Boolean(Some(*flag)))),
                (_, Some("true")) => Ok(one(ScalarValue::Boolean(Some(true)))),
                (_, Some("false")) => Ok(one(ScalarValue::Boolean(Some(false)))),
                _ => Err(self.expects("true or false", value)),
            },
            Class::Date | Class::DateTime => {
                let text = value.as_str().unwrap_or_default();
                let old = || if self.literal { None } else { self.clock().old_moment(text) };
                let moment = self.clock().read(text).or_else(old);
                let moment = moment.ok_or_else(|| self.expects("a date like \"2026-07-28\"", value))?;
                self.moment(moment)
            }
            Class::Time => {
                let text = value.as_str().unwrap_or_default();
                let time =
                    ["%H:%M:%S%.f", "%H:%M"].iter().find_map(|f| NaiveTime::parse_from_str(text, f).ok());
                let time = time.ok_or_else(|| self.expects("a time like \"14:30:00\"", value))?;
                let micros = i64::from(time.num_seconds_from_midnight()) * 1_000_000
                    + i64::from(time.nanosecond() % 1_000_000_000) / 1_000;
                Ok(one(ScalarValue::Time64Microsecond(Some(micros))))
            }
        }
    }

    /// Values of a list.
    ///
    /// # Errors
    ///
    /// `Invalid` when it is no list; those of [`Self::value`].
    pub(crate) fn list(&self, value: &Value) -> Result<Vec<Comparand>> {
        let Some(items) = value.as_array() else {
            return Err(self.error(format!("expects a list, not {value}")));
        };
        items.iter().map(|item| self.value(item)).collect()
    }

    /// A period's days, as a span of the field's type.
    ///
    /// # Errors
    ///
    /// `FILTER_TOKEN_UNKNOWN` for an unknown period.
    pub(crate) fn within(&self, value: &Value) -> Result<Comparand> {
        let Some(text) = value.as_str() else {
            return Err(self.expects("a period like \"this_quarter\"", value));
        };
        let name = token_name(text).unwrap_or(text).to_lowercase();
        let period = self.clock().period(&name).ok_or_else(|| self.unknown_token(text))?;
        self.span(period)
    }

    fn text(&self, value: &Value) -> Result<Comparand> {
        match value.as_str() {
            Some(text)
                if !self.literal
                    && matches!(self.class, Class::Reference | Class::References)
                    && is_old_user(text) =>
            {
                Ok(self.user())
            }
            Some(text) if !self.literal && is_old_user_field(text) => {
                Err(Error::not_supported(self.at, format!("{text} is not supported yet")))
            }
            Some(text) => Ok(text_of(text)),
            None if value.is_array() => Err(self.expects("a text (a list goes with \"$in\")", value)),
            None => Err(self.expects("a text", value)),
        }
    }

    fn choice(&self, options: &[String], value: &Value) -> Result<Comparand> {
        match value.as_str() {
            // A record may hold what is no option any more.
            Some(text) if self.literal || options.iter().any(|option| option == text) => Ok(text_of(text)),
            Some(text) => {
                let hint = nearest::hint(text, options.iter().map(String::as_str));
                Err(self.error(format!("{:?} has no option {text:?}{hint}", self.name)))
            }
            None => Err(self.expects("one of its options", value)),
        }
    }

    fn float(&self, value: &Value) -> Result<Comparand> {
        let number = match value {
            Value::Number(number) => number.to_string().parse::<f64>().ok(),
            Value::String(text) => text.parse::<f64>().ok(),
            _ => None,
        };
        match number.filter(|number| number.is_finite()) {
            Some(number) => Ok(one(ScalarValue::Float64(Some(number)))),
            None => Err(self.expects("a number", value)),
        }
    }

    fn number(&self, value: &Value) -> Result<Comparand> {
        let text = match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            other => return Err(self.expects("a number", other)),
        };
        let number =
            Decimal::parse(&text).ok_or_else(|| self.expects("a number of at most 38 digits", value))?;
        Ok(one(match self.class {
            Class::Int => match number.rescale(0).and_then(|whole| i64::try_from(whole).ok()) {
                Some(whole) => ScalarValue::Int64(Some(whole)),
                None => exact(number),
            },
            Class::Decimal { precision, scale } => match number.rescale(*scale) {
                Some(unscaled) if (Decimal { unscaled, scale: *scale }).digits() <= *precision => {
                    ScalarValue::Decimal128(Some(unscaled), *precision, scale_of(*scale))
                }
                _ => exact(number),
            },
            _ => exact(number),
        }))
    }

    fn token(&self, name: &str) -> Result<Comparand> {
        match name {
            "current_user_id" | "current_user" | "current_user.id" | "currentUser.id" | "currentUser" => {
                return match self.class {
                    Class::Text | Class::Reference | Class::References => Ok(self.user()),
                    _ => Err(self.error(format!(
                        "{{{name}}} is a user: {:?} is a {}",
                        self.name,
                        self.class.name()
                    ))),
                };
            }
            "current_org_id" => {
                return Err(Error::not_supported(
                    self.at,
                    "{current_org_id} is not supported: there is one tenant",
                ));
            }
            _ => {}
        }
        if name.starts_with("current_user.") || name.starts_with("currentUser.") {
            return Err(Error::not_supported(self.at, format!("{{{name}}} is not supported yet")));
        }
        let moment = self.clock().macro_moment(name).ok_or_else(|| self.unknown_token(name))?;
        match self.class {
            Class::Date | Class::DateTime => self.moment(moment),
            _ => Err(self.error(format!("{{{name}}} is a date: {:?} is a {}", self.name, self.class.name()))),
        }
    }

    fn unknown_token(&self, name: &str) -> Error {
        if name.contains("fiscal") {
            let message = format!("{name:?}: fiscal periods are not supported, no fiscal year can be set");
            return Error::not_supported(self.at, message);
        }
        Error::invalid("FILTER_TOKEN_UNKNOWN", self.at, format!("unknown token {name:?}"))
    }

    fn user(&self) -> Comparand {
        text_of(self.context.viewer.user_id())
    }

    fn moment(&self, moment: Moment) -> Result<Comparand> {
        let out_of_range = || self.error("the date is out of range");
        match (self.class, moment) {
            (Class::DateTime, Moment::Instant(micros)) => Ok(one(instant(micros))),
            (Class::DateTime, Moment::Day(day)) => self.span(Period { first: day, last: day }),
            (_, Moment::Day(day)) => Ok(one(date(day))),
            (_, Moment::Instant(micros)) => {
                Ok(one(date(self.clock().day_of(micros).ok_or_else(out_of_range)?)))
            }
        }
    }

    fn span(&self, period: Period) -> Result<Comparand> {
        let bounds = match self.class {
            Class::Date => period.last.succ_opt().map(|until| (date(period.first), date(until))),
            Class::DateTime => {
                let clock = self.clock();
                clock
                    .start_of(period.first)
                    .zip(clock.end_of(period.last))
                    .map(|(from, until)| (instant(from), instant(until)))
            }
            _ => return Err(self.error(format!("{:?} is a {}, not a date", self.name, self.class.name()))),
        };
        let (from, until) = bounds.ok_or_else(|| self.error("the date is out of range"))?;
        Ok(Comparand::Span(from, until))
    }
}

/// `{today}` and `${today}` without the braces; `None` for any other text.
fn token_name(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('$').unwrap_or(text).strip_prefix('{')?.strip_suffix('}')?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    (!inner.is_empty() && inner.chars().all(plain)).then_some(inner)
}

fn is_old_user(text: &str) -> bool {
    matches!(text, "$current_user" | "$currentUser" | "$current_user.id" | "$currentUser.id")
}

/// A field of the user: `$current_user.role`.
fn is_old_user_field(text: &str) -> bool {
    let field = text.strip_prefix("$current_user.").or_else(|| text.strip_prefix("$currentUser."));
    field.is_some_and(|field| {
        !field.is_empty() && field.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

fn one(value: ScalarValue) -> Comparand {
    Comparand::One(value)
}

fn text_of(text: &str) -> Comparand {
    one(ScalarValue::Utf8View(Some(text.to_owned())))
}

fn exact(number: Decimal) -> ScalarValue {
    ScalarValue::Decimal128(
        Some(number.unscaled),
        DIGITS_MAX.min(number.digits().max(number.scale)),
        scale_of(number.scale),
    )
}

fn scale_of(scale: u8) -> i8 {
    i8::try_from(scale).unwrap_or(i8::MAX)
}

fn instant(micros: i64) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()))
}

/// Days since 1970-01-01.
pub(crate) fn days_of(day: NaiveDate) -> Option<i32> {
    i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

fn date(day: NaiveDate) -> ScalarValue {
    ScalarValue::Date32(days_of(day))
}
