/** The postback source: HTTP requests from outside become records, answered once they are durable. */
import { definePlugin } from '../../core/plugin.ts';
import type { SourceContext } from '../../core/plugin.ts';
import { postbackOptions, postbackSections } from './options.ts';
import type { PostbackConfig } from './options.ts';

export const postback = definePlugin({
  kind: 'source',
  name: 'postback',
  summary: 'Receives HTTP postbacks and answers each one once its records are on disk',
  isReplicated: true,
  options: postbackOptions,
  sections: postbackSections,
  example: `<source>
  @type postback
  host 127.0.0.1
  port 8080
  endpoints /postback,/postback/*
</source>`,
  create(_config: PostbackConfig, _context: SourceContext) {
    throw new TypeError('not yet');
  },
});
