//! The options of `fit` that set a setting: one row each, from which come the option, its help and what it sets. The
//! default in the help is that of [`Settings`], which also check the range.

use super::parse::{at_least_one, number, optimizers, seconds, whole};
use crate::output::short;
use clap::builder::{PossibleValuesParser, TypedValueParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueHint};
use serde::de::{self, DeserializeOwned, IntoDeserializer};
use std::str::FromStr;
use steepest::schedule::{self, ReduceOnPlateau};
use steepest::settings::Value;
use steepest_data::{DateOrder, Decimal, TaskChoice, Thousands};
use steepest_train::model::Activation;
use steepest_train::{
    BalancedWord, Batch, Bytes, ClassWeights, DropoutSchedule, LearningRate, LossKind, Metric, ModelKind,
    Preset, SaveEvery, Settings,
};

/// An option of `fit` that sets a setting.
struct SettingOption {
    /// Without its dashes.
    name: &'static str,
    /// Its letter, if it has one.
    short: &'static [char],
    /// The heading in the help.
    group: &'static str,
    /// Where this says nothing of a default, that of the setting is added.
    help: &'static str,
    /// How its value is read; a flag has none.
    form: fn() -> Option<Form>,
    /// The setting, as `table.key`.
    key: &'static str,
    /// Sets it, if the option is given.
    set: fn(&ArgMatches, &mut Settings),
}

/// A row reads `"name" | 'letter': how its value is read => table.field;`, and `table.map["key"]` for a setting that is
/// kept with others by name.
macro_rules! options {
    ($($group:literal {
        $(#[doc = $help:literal] $name:literal $(| $short:literal)? :
            $form:expr => $table:ident.$field:ident $([$key:literal])?;)*
    })*) => {
        const OPTIONS: &[SettingOption] = &[$($(
            SettingOption {
                name: $name,
                short: &[$($short)?],
                group: $group,
                help: $help,
                form: || $form,
                key: key!($table.$field $([$key])?),
                set: |matches, settings| set!(matches, $name, settings.$table.$field $([$key])?),
            },
        )*)*];
    };
}

macro_rules! key {
    ($table:ident.$field:ident) => {
        concat!(stringify!($table), ".", stringify!($field))
    };
    ($table:ident.$map:ident [$key:literal]) => {
        concat!(stringify!($table), ".", $key)
    };
}

macro_rules! set {
    ($matches:ident, $name:literal, $settings:ident.$table:ident.$field:ident) => {
        $settings.$table.$field.set_from($matches, $name)
    };
    ($matches:ident, $name:literal, $settings:ident.$table:ident.$map:ident [$key:literal]) => {
        if let Some(x) = $matches.get_one($name) {
            $settings.$table.$map.insert($key.to_owned(), Value::Number(*x));
        }
    };
}

options! {
    "Data" {
        /// The column to predict [default: the data set's own; `target`, `label`, `class` or `y`; the last]
        "target": text("COLUMN") => data.target;
        /// Whether the target is a number or a class
        "task": word::<TaskChoice>("TASK") => data.task;
        /// The labels of IDX images [default: found beside them]
        "labels": file("FILE") => data.labels;
        /// Fraction of the rows that decides when to stop, in [0, 1)
        "validation": real("FRACTION") => data.validation;
        /// Fraction of the rows that only the final numbers see, in [0, 1)
        "test": real("FRACTION") => data.test;
        /// Read only so many rows, chosen at random by the seed [default: all]
        "rows": from_one::<u64>("N") => data.rows;
        /// The most memory that data and training may need, such as 2G [default: 60 % of what is available]
        "max-memory": parsed::<Bytes>("SIZE") => data.max_memory;
        /// The rows that decide when to stop, from this file instead
        "validation-file": text("FILE") => data.validation_file;
        /// The rows that only the final numbers see, from this file instead
        "test-file": text("FILE") => data.test_file;
    }
    "Columns" {
        /// Leave these columns out
        "drop": columns() => data.drop;
        /// Learn from these columns only
        "only": columns() => data.only;
        /// Read these columns as numbers
        "number": columns() => data.number;
        /// Read these columns as categories
        "category": columns() => data.category;
        /// Read these columns as dates
        "date": columns() => data.date;
        /// Learn from the words of these columns
        "text": columns() => data.text;
        /// Features of a number for so many stretches between quantiles, beside its one; below 2 none [default: 16]
        "pieces": from_zero("N") => data.pieces;
        /// Keep these columns, but do not learn from them
        "id": columns() => data.id;
        /// How much each row counts
        "weight": text("COLUMN") => data.weight;
        /// Keep rows that are alike in this column on one side of every split
        "group": text("COLUMN") => data.group;
        /// Train on the past and test on the future
        "time": text("COLUMN") => data.time;
        /// The decimal mark, where a column alone does not tell
        "decimal": word::<Decimal>("MARK") => data.decimal;
        /// The mark between groups of three digits, where a column alone does not tell
        "thousands": word::<Thousands>("MARK") => data.thousands;
        /// What comes first in 03/11/2023, where a column alone does not tell
        "date-order": word::<DateOrder>("ORDER") => data.date_order;
        /// The encoding of a file of text, such as utf-8 or windows-1252 [default: its bytes tell]
        "encoding": text("NAME") => data.encoding;
        /// What a line that is no row begins with, such as # [default: found]
        "comment": text("TEXT") => data.comment;
        /// Lines of text before the table [default: found]
        "skip-lines": from_zero("LINES") => data.skip_lines;
        /// Infinite numbers count as missing, instead of being an error
        "infinity-missing": FLAG => data.infinity_is_missing;
        /// A cell that does not read, or a row without a target, is an error
        "strict": FLAG => data.strict;
        /// Leave no rows of the data in the run; `explain` needs a background file then
        "no-rows": FLAG => data.no_rows;
    }
    "Network" {
        /// The network [default: auto, an MLP, or a small CNN for images that are not tiny]
        "model": word::<ModelKind>("MODEL") => model.kind;
        /// Widths of the hidden layers, or `none` [default: by the number of rows]
        "hidden": widths("WIDTHS") => model.hidden;
        /// What a hidden layer does to its sums
        "activation": word::<Activation>("ACTIVATION") => model.activation;
        /// Fraction of hidden values that a step leaves out, in [0, 1)
        "dropout": real("FRACTION") => model.dropout;
        /// How dropout changes: `constant`, or `flat_cosine`, which falls to 0 from the half of the run on [default: flat_cosine for tables]
        "dropout-schedule": word::<DropoutSchedule>("NAME") => model.dropout_schedule;
        /// Multiply each input by a number that is trained [default: true for tables]
        "input-scale": truth("BOOL") => model.input_scale;
        /// How many networks are trained as one, their outputs averaged [default: 2 for few rows, else 1]
        "members": from_one::<u64>("N") => model.members;
        /// Normalize each layer's values
        "layer-norm": FLAG => model.layer_norm;
    }
    "Loss" {
        /// What is minimized [default: auto, squared error for numbers, cross-entropy for classes]
        "loss": word::<LossKind>("LOSS") => loss.kind;
        /// Fraction of the target that is spread over all classes, in [0, 1)
        "label-smoothing": real("FRACTION") => loss.label_smoothing;
        /// `balanced`, or a weight for each class in their order, such as 1,5 [default: equal]
        "class-weights": weights("WEIGHTS") => loss.class_weights;
        /// Where Huber's loss turns from squared to absolute, in standard deviations of the target
        "huber-delta": real("DELTA") => loss.delta;
    }
    "Optimizer" {
        /// The optimizer
        "optimizer" | 'o': one_of("NAME", optimizers()) => optimizer.name;
        /// The learning rate at its highest, above 0, or `auto`: the best of several on validation rows [default: the optimizer's]
        "lr": parsed::<LearningRate>("RATE") => optimizer.lr;
        /// On how many divisions of the rows `--lr auto` compares learning rates [default: 5, 3 or 1, by what that costs]
        "lr-splits": from_one::<u64>("N") => optimizer.lr_splits;
        /// The optimizer's weight decay, at least 0 [default: 0.1 where it is decoupled, as in adamw, else 0]
        "weight-decay": real("LAMBDA") => optimizer.settings["weight_decay"];
        /// How the learning rate changes over the steps [default: cosine; constant for schedule-free optimizers]
        "schedule": one_of("NAME", schedules()) => schedule.name;
        /// Steps of a straight rise before the schedule [default: by the length of the run]
        "warmup": from_zero("STEPS") => schedule.warmup;
        /// Largest norm of all gradients together
        "clip-norm": real("NORM") => optimizer.clip_norm;
        /// Largest absolute value of a gradient's element
        "clip-value": real("VALUE") => optimizer.clip_value;
        /// Largest norm of each tensor's gradient
        "clip-tensor-norm": real("NORM") => optimizer.clip_tensor_norm;
        /// Largest ratio of a unit's gradient norm to its weight norm
        "clip-adaptive": real("RATIO") => optimizer.clip_adaptive;
        /// Skip a step whose gradient is not finite, instead of stopping
        "skip-non-finite": FLAG => optimizer.skip_non_finite;
    }
    "Training" {
        /// How much it may cost: `fast`, `default`, or `best`, four networks and twice the epochs, or what `--max-time` allows of both
        "preset": word::<Preset>("PRESET") => train.preset;
        /// Samples of a step: a number, `full`, or 1 [default: by the number of rows]
        "batch": parsed::<Batch>("SAMPLES") => train.batch;
        /// Most passes over the training rows [default: by their number]
        "epochs": from_one::<u64>("N") => train.epochs;
        /// Most steps
        "max-steps": from_one::<u64>("N") => train.max_steps;
        /// What the best epoch is kept and patience counted by [default: the validation loss, its outliers capped]
        "metric": word::<Metric>("METRIC") => train.metric;
        /// Epochs without a better validation loss, or metric, before it stops; 0 never [default: by the epochs]
        "patience": from_zero("EPOCHS") => train.patience;
        /// Most time: 60s, 5m, 1h, 1h30m
        "max-time": time("TIME") => train.max_seconds;
        /// Stop at this training loss
        "target-loss": real("LOSS") => train.target_loss;
        /// Stop at this norm of the gradient
        "grad-tol": real("NORM") => train.gradient_tolerance;
        /// How often the run is saved, to go on from: 10steps, 30s, 1epoch
        "save-every": parsed::<SaveEvery>("TIME") => train.save_every;
        /// How many checkpoints are kept
        "keep": from_one::<u64>("N") => train.keep;
        /// Seed of the split, the weights, the order of the samples and dropout
        "seed": from_zero("N") => train.seed;
        /// Threads; the result does not depend on it [default: all cores]
        "threads": from_one::<usize>("N") => train.threads;
        /// Where tensors live
        "device": text("NAME") => train.device;
    }
}

/// The settings that options give.
#[derive(Debug, Clone)]
pub struct Given(ArgMatches);

impl Given {
    /// The value of an option that takes a name.
    pub fn name(&self, option: &str) -> Option<&String> {
        self.0.get_one(option)
    }

    /// Whether an option is given.
    pub fn has(&self, option: &str) -> bool {
        self.0.contains_id(option)
    }

    /// Sets what is given.
    pub fn set(&self, settings: &mut Settings) {
        OPTIONS.iter().for_each(|option| (option.set)(&self.0, settings));
    }
}

/// A setting that an option sets.
trait Field {
    /// Takes the value of an option, if it is given.
    fn set_from(&mut self, matches: &ArgMatches, name: &str);
}

impl<T: Clone + Send + Sync + 'static> Field for Option<T> {
    fn set_from(&mut self, matches: &ArgMatches, name: &str) {
        if let Some(value) = matches.get_one::<T>(name) {
            *self = Some(value.clone());
        }
    }
}

impl Field for bool {
    fn set_from(&mut self, matches: &ArgMatches, name: &str) {
        *self |= matches.get_flag(name);
    }
}

impl Field for Vec<String> {
    fn set_from(&mut self, matches: &ArgMatches, name: &str) {
        if let Some(values) = matches.get_many::<String>(name) {
            *self = values.cloned().collect();
        }
    }
}

macro_rules! fields {
    ($($type:ty),+) => {$(
        impl Field for $type {
            fn set_from(&mut self, matches: &ArgMatches, name: &str) {
                if let Some(value) = matches.get_one::<$type>(name) {
                    self.clone_from(value);
                }
            }
        }
    )+};
}
fields!(f64, u64, String, SaveEvery, TaskChoice, ModelKind, Activation, LossKind, ClassWeights, Preset);

/// The option that sets `table.key`, with its dashes.
pub fn option_of(key: &str) -> Option<String> {
    OPTIONS.iter().find(|option| option.key == key).map(|option| format!("--{}", option.name))
}

impl Args for Given {
    fn augment_args(command: Command) -> Command {
        let defaults = toml::Table::try_from(Settings::default()).unwrap_or_default();
        command.args(OPTIONS.iter().map(|option| option.arg(&defaults)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self(matches.clone()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl SettingOption {
    fn arg(&self, defaults: &toml::Table) -> Arg {
        let arg =
            Arg::new(self.name).long(self.name).short(self.short.first().copied()).help_heading(self.group);
        let Some(form) = (self.form)() else {
            return arg.help(self.help.trim()).action(ArgAction::SetTrue);
        };
        let (table, key) = self.key.split_once('.').unwrap_or_default();
        let default = defaults.get(table).and_then(|table| table.get(key));
        let help = match default.filter(|_| !self.help.contains("[default: ")) {
            Some(value) => format!("{} [default: {}]", self.help.trim(), shown(value)),
            None => self.help.trim().to_owned(),
        };
        arg.help(help)
            .value_name(form.value_name)
            .value_parser(form.parser)
            .value_hint(form.hint)
            .allow_hyphen_values(form.number)
            .action(if form.many { ArgAction::Append } else { ArgAction::Set })
    }
}

/// A setting's value as it would be typed.
fn shown(value: &toml::Value) -> String {
    match value {
        toml::Value::Float(x) => short(*x),
        toml::Value::String(word) => word.clone(),
        toml::Value::Array(list) if list.is_empty() => "none".to_owned(),
        toml::Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(","),
        value => value.to_string(),
    }
}

/// How the value of an option is read.
struct Form {
    value_name: &'static str,
    parser: ValueParser,
    hint: ValueHint,
    /// Whether it may begin with a minus sign, so that a negative number gets the setting's own message.
    number: bool,
    /// Whether it may be given several times.
    many: bool,
}

const FLAG: Option<Form> = None;

fn numeric(value_name: &'static str, parser: impl Into<ValueParser>) -> Option<Form> {
    Some(Form { value_name, parser: parser.into(), hint: ValueHint::Unknown, number: true, many: false })
}

fn textual(value_name: &'static str, parser: impl Into<ValueParser>) -> Option<Form> {
    Some(Form { value_name, parser: parser.into(), hint: ValueHint::Unknown, number: false, many: false })
}

fn real(value_name: &'static str) -> Option<Form> {
    numeric(value_name, ValueParser::new(number))
}

fn from_zero(value_name: &'static str) -> Option<Form> {
    numeric(value_name, ValueParser::new(whole))
}

fn from_one<T: TryFrom<u64> + Clone + Send + Sync + 'static>(value_name: &'static str) -> Option<Form> {
    let parse = |text: &str| at_least_one(text)?.try_into().map_err(|_| format!("{text} is too large"));
    numeric(value_name, ValueParser::new(parse as fn(&str) -> Result<T, String>))
}

fn time(value_name: &'static str) -> Option<Form> {
    numeric(value_name, ValueParser::new(seconds))
}

/// What a type reads itself.
fn parsed<T>(value_name: &'static str) -> Option<Form>
where
    T: FromStr<Err = String> + Clone + Send + Sync + 'static,
{
    numeric(value_name, ValueParser::new(str::parse::<T>))
}

fn weights(value_name: &'static str) -> Option<Form> {
    let parse = |text: &str| match text {
        "balanced" => Ok(ClassWeights::Named(BalancedWord::Balanced)),
        text => list(text)
            .map(ClassWeights::Given)
            .ok_or("weights are `balanced` or a number for each class, such as 1,5"),
    };
    numeric(value_name, ValueParser::new(parse))
}

fn widths(value_name: &'static str) -> Option<Form> {
    let parse = |text: &str| match text {
        "none" => Ok(Vec::<usize>::new()),
        text => list(text).ok_or("widths are whole numbers, such as 128,64, or `none`"),
    };
    textual(value_name, ValueParser::new(parse))
}

/// Values with commas between them.
fn list<T: FromStr>(text: &str) -> Option<Vec<T>> {
    text.split(',').map(|value| value.trim().parse().ok()).collect()
}

fn truth(value_name: &'static str) -> Option<Form> {
    textual(value_name, ValueParser::bool())
}

fn text(value_name: &'static str) -> Option<Form> {
    textual(value_name, ValueParser::string())
}

fn columns() -> Option<Form> {
    Some(Form { many: true, ..textual("COLUMNS", ValueParser::string())? })
}

fn file(value_name: &'static str) -> Option<Form> {
    Some(Form { hint: ValueHint::FilePath, ..textual(value_name, ValueParser::path_buf())? })
}

fn one_of(value_name: &'static str, names: PossibleValuesParser) -> Option<Form> {
    textual(value_name, names)
}

fn schedules() -> PossibleValuesParser {
    let names = schedule::REGISTRY.iter().map(|entry| entry.name);
    PossibleValuesParser::new(names.chain([ReduceOnPlateau::NAME]))
}

/// A word of an enum that settings files have too: the type itself says which there are.
fn word<T: DeserializeOwned + Clone + Send + Sync + 'static>(value_name: &'static str) -> Option<Form> {
    textual(value_name, word_parser::<T>())
}

/// Reads a word of an enum that settings files have too.
pub fn word_parser<T: DeserializeOwned + Clone + Send + Sync + 'static>() -> ValueParser {
    let words = PossibleValuesParser::new(variants::<T>());
    let parse = |word: String| T::deserialize(IntoDeserializer::<de::value::Error>::into_deserializer(word));
    ValueParser::new(words.try_map(parse))
}

/// The names of an enum's variants, as serde derives them.
fn variants<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // it takes the names and then refuses, so there is never a value
    let _ = T::deserialize(Variants(&mut names));
    names
}

struct Variants<'a>(&'a mut &'static [&'static str]);

impl<'de> de::Deserializer<'de> for Variants<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: de::Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("only the names of variants are asked for"))
    }

    fn deserialize_enum<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = variants;
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_from_their_types() {
        assert_eq!(variants::<ModelKind>(), ["auto", "linear", "mlp", "cnn"]);
        assert_eq!(variants::<TaskChoice>(), ["infer", "regression", "classes"]);
        assert!(variants::<Activation>().contains(&"relu"));
        assert!(variants::<LossKind>().contains(&"squared_error"));
    }

    fn given(words: &[&str]) -> Result<Settings, clap::Error> {
        let command = Given::augment_args(Command::new("fit").no_binary_name(true));
        let mut settings = Settings::default();
        Given::from_arg_matches(&command.try_get_matches_from(words)?)?.set(&mut settings);
        Ok(settings)
    }

    /// What the row says is the setting's key is what the option changes, and it changes nothing else.
    #[test]
    fn every_option_sets_its_setting() {
        let tables = |settings: &Settings| toml::Table::try_from(settings).unwrap();
        for option in OPTIONS {
            let value = match (option.form)() {
                None => None,
                Some(form) => match form.parser.possible_values().and_then(|values| values.last()) {
                    Some(value) => Some(value.get_name().to_owned()),
                    None if option.name == "max-memory" => Some("7M".to_owned()),
                    None if option.name == "save-every" => Some("7steps".to_owned()),
                    None => Some("7".to_owned()),
                },
            };
            let name = format!("--{}", option.name);
            let words: Vec<&str> = [name.as_str()].into_iter().chain(value.as_deref()).collect();
            let (mut changed, usual) = (tables(&given(&words).unwrap()), tables(&Settings::default()));
            let (table, key) = option.key.split_once('.').unwrap();
            let [changed_table, usual_table] =
                [&changed, &usual].map(|tables| tables[table].as_table().unwrap().clone());
            assert_ne!(changed_table.get(key), usual_table.get(key), "{words:?}");
            assert!(changed_table.contains_key(key), "{words:?}");
            let mut same = changed_table;
            same.remove(key);
            same.extend(usual_table.get_key_value(key).map(|(key, value)| (key.clone(), value.clone())));
            changed.insert(table.to_owned(), same.into());
            assert_eq!(changed, usual, "{words:?}");
        }
    }

    #[test]
    fn values_are_read() {
        assert!(given(&["--hidden", "none"]).unwrap().model.hidden.unwrap().is_empty());
        assert_eq!(given(&["--hidden", "128, 64"]).unwrap().model.hidden, Some(vec![128, 64]));
        assert!(given(&["--hidden=128,-1"]).is_err());
        let weights = given(&["--class-weights", "1,2.5"]).unwrap().loss.class_weights;
        assert_eq!(weights, ClassWeights::Given(vec![1.0, 2.5]));
        assert!(given(&["--class-weights", "heavy"]).is_err());
        assert_eq!(given(&["--seed", &u64::MAX.to_string()]).unwrap().train.seed, u64::MAX);
    }
}
