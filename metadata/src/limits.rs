//! Everything that is read has a limit; past it comes an issue, not a slow death.

/// Bytes of one file.
pub(crate) const FILE_BYTES_MAX: u64 = 1 << 20;
/// Files of one load, over all packages.
pub(crate) const FILES_MAX: usize = 10_000;
/// Folders within folders below a package.
pub(crate) const FOLDER_DEPTH_MAX: usize = 8;
/// Values within values in one file.
pub(crate) const YAML_DEPTH_MAX: usize = 32;
/// Values of one file; an alias counts as what it stands for.
pub(crate) const YAML_VALUES_MAX: usize = 100_000;
/// Objects of one registry.
pub(crate) const OBJECTS_MAX: usize = 1_000;
/// Fields that one object declares.
pub(crate) const FIELDS_MAX: usize = 1_000;
/// Options of one field.
pub(crate) const OPTIONS_MAX: usize = 1_000;
/// Objects to whose records one reference may lead.
pub(crate) const REFERENCE_OBJECTS_MAX: usize = 32;
/// Bytes of a name.
pub(crate) const NAME_BYTES_MAX: usize = 63;
/// Characters of an option's value.
pub(crate) const OPTION_CHARS_MAX: usize = 255;
/// Characters of an id prefix.
pub(crate) const ID_PREFIX_CHARS_MAX: usize = 16;
/// Digits of a decimal.
pub(crate) const DIGITS_MAX: u8 = 38;
/// Parts of a composite field.
pub(crate) const PARTS_MAX: usize = 100;
/// Composites within composites.
pub(crate) const PARTS_DEPTH_MAX: usize = 3;
/// Media types and endings of names that a field of contents accepts.
pub(crate) const ACCEPTED_MAX: usize = 100;
/// Characters of an ending of a name.
pub(crate) const ENDING_CHARS_MAX: usize = 32;
/// Numbers of a vector.
pub(crate) const DIMENSIONS_MAX: u32 = 8_192;
/// Characters of a password at least, and at most: hashing must not be a way to keep a server busy.
pub(crate) const PASSWORD_CHARS_MIN: u32 = 8;
pub(crate) const PASSWORD_CHARS_MAX: u32 = 256;
/// Bytes of an expression.
pub(crate) const EXPRESSION_BYTES_MAX: usize = 8_192;
/// Operators, brackets, commas and other signs of an expression.
pub(crate) const EXPRESSION_SYMBOLS_MAX: usize = 1_000;
/// Brackets within brackets that the parser follows.
pub(crate) const EXPRESSION_PARSE_DEPTH_MAX: u16 = 48;
/// Operations within operations.
pub(crate) const EXPRESSION_DEPTH_MAX: usize = 64;
/// Operations of an expression, with the formulas that it names written out.
pub(crate) const EXPRESSION_NODES_MAX: usize = 2_000;
/// Comprehensions within comprehensions.
pub(crate) const COMPREHENSION_DEPTH_MAX: usize = 2;
/// Lookups that one path follows.
pub(crate) const PATH_STEPS_MAX: usize = 8;
/// Formulas that stand on formulas.
pub(crate) const FORMULA_DEPTH_MAX: usize = 16;
/// Rules of one kind in one file.
pub(crate) const RULES_MAX: usize = 500;
/// Composite rules within each other.
pub(crate) const COMPOSITE_DEPTH_MAX: usize = 3;
/// Conditions that decide whether a record counts for a `unique` rule.
pub(crate) const REQUIREMENTS_MAX: usize = 16;
/// Fields that one rule keeps unique together.
pub(crate) const UNIQUE_FIELDS_MAX: usize = 16;
/// Steps in one list.
pub(crate) const STEPS_MAX: usize = 100;
/// Lists of steps within steps.
pub(crate) const STEPS_DEPTH_MAX: usize = 3;
/// Permission sets of one registry.
pub(crate) const PERMISSION_SETS_MAX: usize = 500;
/// Sets that one includes by name.
pub(crate) const INCLUDES_MAX: usize = 32;
/// Sets that include each other, one in another.
pub(crate) const INCLUDES_DEPTH_MAX: usize = 8;
/// Names in one list of what is allowed.
pub(crate) const ACTS_MAX: usize = 32;
/// Rules about records in one grant.
pub(crate) const RECORD_RULES_MAX: usize = 32;
/// Parents that control one another's records, from a record to the one that nobody controls.
pub(crate) const SHARING_PARENTS_MAX: usize = 4;
