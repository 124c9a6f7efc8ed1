/** The `nginx` parser: access log lines. Source: Fluentd 1.16 parser_nginx.rb. */
import type { Plugin } from '../core/plugin.ts';
import { defineKnownFormat, webTimeFormat } from './known-formats.ts';

export const nginxParser: Plugin = defineKnownFormat({
  name: 'nginx',
  summary: 'Takes access log lines of nginx in its combined format, also with the forwarded-for header behind it.',
  expression: String.raw`/^(?<remote>[^ ]*) (?<host>[^ ]*) (?<user>[^ ]*) \[(?<time>[^\]]*)\] "(?<method>\S+)(?: +(?<path>[^"]*?)(?: +\S*)?)?" (?<code>[^ ]*) (?<size>[^ ]*)(?: "(?<referer>[^"]*)" "(?<agent>[^"]*)"(?:\s+"?(?<http_x_forwarded_for>[^"]*)"?)?)?$/`,
  timeFormat: webTimeFormat,
});
