/** The `apache` parser: access log lines, all values as text. Source: Fluentd 1.16 parser_apache.rb. */
import type { Plugin } from '../core/plugin.ts';
import { defineKnownFormat, webTimeFormat } from './known-formats.ts';

export const apacheParser: Plugin = defineKnownFormat({
  name: 'apache',
  summary: 'Takes access log lines of the Apache web server (common and combined format), all values as text.',
  expression: String.raw`/^(?<host>[^ ]*) [^ ]* (?<user>[^ ]*) \[(?<time>[^\]]*)\] "(?<method>\S+)(?: +(?<path>[^ ]*) +\S*)?" (?<code>[^ ]*) (?<size>[^ ]*)(?: "(?<referer>[^"]*)" "(?<agent>[^"]*)")?$/`,
  timeFormat: webTimeFormat,
});
