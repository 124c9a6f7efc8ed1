/** The `apache_error` parser: error log lines. Source: Fluentd 1.16 parser_apache_error.rb. */
import type { Plugin } from '../core/plugin.ts';
import { defineKnownFormat } from './known-formats.ts';

export const apacheErrorParser: Plugin = defineKnownFormat({
  name: 'apache_error',
  summary: 'Takes error log lines of the Apache web server.',
  expression: String.raw`/^\[[^ ]* (?<time>[^\]]*)\] \[(?<level>[^\]]*)\](?: \[pid (?<pid>[^\]]*)\])?(?: \[client (?<client>[^\]]*)\])? (?<message>.*)$/`,
});
