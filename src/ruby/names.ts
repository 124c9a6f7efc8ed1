/**
 * Names that Ruby knows and the evaluator does not take: a call of one is an error when the configuration is checked. Every
 * other name is one that Ruby does not know either. Source: Ruby 3.1 with what Fluentd loads, and ActiveSupport's best known.
 */
import type { Kind } from './values.ts';

const everywhere = `hash instance_variable_get instance_variable_set instance_variables remove_instance_variable methods method
  public_method public_methods private_methods protected_methods singleton_method singleton_methods singleton_class
  define_singleton_method extend object_id __id__ instance_eval instance_exec enum_for to_enum display !~ method_missing
  to_yaml to_msgpack pretty_inspect pretty_print present? blank? presence try try! in? instance_values to_query to_param
  html_safe deep_dup with_options acts_like? to_set`;
const enumerable = `chunk chunk_while slice_when slice_before slice_after cycle minmax_by tally_by to_set index_by many? exclude? pluck`;

/** By class, as words. */
const unsupported: Partial<Record<Kind, string>> = {
  String: `crypt dump undump each_grapheme_cluster grapheme_clusters each_codepoint setbyte byteindex byterindex to_c to_r
    unicode_normalized? encode_with to_d to_time to_date to_datetime titleize camelize underscore humanize squish truncate
    pluralize singularize constantize parameterize dasherize demodulize indent remove at from to
    iseuc issjis isutf8 kconv toutf8 tosjis toeuc append_as_bytes bytesplice`,
  Symbol: 'casecmp casecmp? encoding <=>',
  Integer: `to_c to_r rationalize numerator denominator allbits? anybits? nobits? ceildiv arg angle phase conj conjugate imag
    imaginary real rect rectangular polar abs2 i to_d to_bn integer_sqrt minutes hours days weeks months years seconds minute
    hour day week month year second ago from_now megabytes kilobytes gigabytes`,
  Float: `next_float prev_float to_c to_r rationalize numerator denominator arg angle phase conj imag real abs2 to_d`,
  Array: `${enumerable} permutation repeated_combination repeated_permutation bsearch_index shuffle shuffle! sample rassoc
    deconstruct to_sentence in_groups in_groups_of second third fourth fifth extract_options!`,
  Hash: `${enumerable} default= default_proc default_proc= compare_by_identity compare_by_identity? rassoc rehash
    deconstruct_keys <= >= < > to_proc deep_merge deep_merge! symbolize_keys symbolize_keys! stringify_keys
    deep_symbolize_keys deep_stringify_keys except! slice! with_indifferent_access reverse_merge extract! deep_transform_keys
    deep_transform_values flatten_keys assert_valid_keys`,
  Range: `${enumerable} % overlap? bsearch minmax pred`,
  Enumerator: `${enumerable} next peek rewind next_values + force eager`,
  Regexp: 'named_captures ~ fixed_encoding? casefold? encoding timeout',
  MatchData: 'byteoffset deconstruct deconstruct_keys match match_length',
  Time: `subsec to_r dst? isdst gmt to_date deconstruct_keys ago since beginning_of_day end_of_day in_time_zone change advance
    to_fs to_formatted_s jd mjd cwday cweek cwyear next_day prev_day next_month prev_month next_year prev_year >> << step upto
    downto jisx0301 leap? ld ajd amjd julian? start`,
  Proc: 'curry >> << parameters binding source_location ruby2_keywords',
  Class: `new allocate superclass instance_methods instance_method method_defined? const_get const_set constants
    class_variable_get class_eval module_eval define_method include prepend attr_accessor include? included_modules
    public_instance_methods subclasses parse now at`,
  Exception: 'backtrace_locations exception set_backtrace detailed_message key receiver args name reason',
  URI: `opaque registry route_to merge + normalize normalize! host= port= path= query= scheme= fragment= select component
    hierarchical? find_proxy open read default_port`,
};

/** Functions without a receiver. */
const kernel = `system exec spawn fork eval binding puts print p pp putc printf warn open gets readline readlines
  require_relative load sleep exit exit! abort at_exit trap select srand syscall test catch throw caller caller_locations
  callcc set_trace_func autoload global_variables local_variables __method__ __dir__ __callee__ Rational Complex Pathname
  BigDecimal JSON j jj gem attr_accessor define_method include using refine instance_variable_get instance_variable_set
  instance_eval instance_exec public_methods object_id singleton_class iterator? trace_var untrace_var timeout Timeout log
  router placeholders method_missing respond_to? __send__ __id__ define_singleton_method class`;

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');
const byKind: ReadonlyMap<Kind, ReadonlySet<string>> = new Map(
  (Object.entries(unsupported) as [Kind, string][]).map(([kind, text]) => [kind, new Set(words(text))]),
);
const shared: ReadonlySet<string> = new Set(words(everywhere));
const functions: ReadonlySet<string> = new Set(words(kernel));

/** True for a method that Ruby has, on values of that class. */
export function isRubyMethod(name: string, kind: Kind): boolean {
  return shared.has(name) || byKind.get(kind)?.has(name) === true;
}
/** True for a method that Ruby has on values of some class. */
export function isAnyRubyMethod(name: string): boolean {
  return shared.has(name) || functions.has(name) || [...byKind.values()].some((names) => names.has(name));
}
/** True for a function that Ruby has. */
export function isRubyFunction(name: string): boolean {
  return functions.has(name) || shared.has(name);
}
