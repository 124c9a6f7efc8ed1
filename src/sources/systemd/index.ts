/**
 * The `systemd` source: entries of systemd's journal, read by the system's own journalctl. Source: fluent-plugin-systemd 1.1
 * in_systemd.rb; Fluent Bit 5.1 in_systemd/systemd.c.
 */
import { readFile } from 'node:fs/promises';
import { fluentbitForm } from '../../core/fluentbit.ts';
import { boolean, choice, integer, list, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import type { Plugin, PluginConfig, SectionTable } from '../../core/plugin.ts';
import type { Naming } from './entry-fields.ts';
import { filterMatches, readMatches } from './matches.ts';
import type { Matches } from './matches.ts';
import { journalProgram } from './reader.ts';
import type { OpenJournal } from './reader.ts';
import { SystemdSource } from './source.ts';

const options = {
  tag: text("The records' tag.", { required: true }),
  path: text("The journal's directory; empty: this machine's journal.", { default: '/var/log/journal' }),
  matches: text(
    'Which entries: JSON objects of fields and values, [{"_SYSTEMD_UNIT": "docker.service"}]; any of them.',
    {
      fluentd: ['matches', 'filters'],
    },
  ),
  filters: list('Which entries: FIELD=value.', { fluentd: 'systemd_filter', default: [] }),
  filterType: choice(['or', 'and'])('Whether any of systemd_filter must fit or all.', {
    fluentd: 'systemd_filter_type',
    default: 'or',
  }),
  readFromHead: boolean('Begins with the oldest entry, not behind the newest one, where nothing was read before.', {
    default: false,
  }),
  maxFields: integer(1)('Fields of an entry that are taken.', { default: 8000 }),
  stripUnderscores: boolean('Takes one underscore off the beginning of names; strip all of them with <entry>.', {
    default: false,
  }),
  lowercase: boolean('Names in small letters.', { default: false }),
  expandsTag: boolean('Puts the unit of an entry in place of the first * of the tag, or unknown.', { default: false }),
};
type Values = OptionValues<typeof options>;

const ownFile = 'how far the journal was read lies in the journal of this program, in one write with the records';

const systemdForm = fluentbitForm({
  options: {
    path: { default: '' },
    maxFields: {},
    filterType: { name: 'systemd_filter_type' },
    stripUnderscores: {},
    lowercase: {},
  },
  properties: { readFromTail: boolean('Begins behind the newest entry.', { default: false }) },
  repeated: { systemd_filter: 'Which entries: FIELD=value.' },
  ignored: { db: ownFile, 'db.*': ownFile, max_entries: 'entries are taken as they come' },
  lower: ({ properties, pairs }) => ({
    options: {
      readFromHead: !properties.readFromTail,
      expandsTag: true,
      filters: pairs.map(({ value }) => value),
    },
  }),
  example: `[INPUT]
    Name            systemd
    Tag             host.*
    Systemd_Filter  _SYSTEMD_UNIT=docker.service
    Read_From_Tail  On`,
});

const sections = {
  storage: {
    summary: 'Where Fluentd keeps how far it read; begun from once.',
    options: {
      type: text('Kind of storage.', { fluentd: '@type' }),
      path: text('The JSON file in which it is kept.'),
      persistent: boolean('Whether it is written at once.'),
      usage: text('What it is for.'),
    },
  },
  entry: {
    summary: 'How fields become those of records.',
    options: {
      fieldMap: text('JSON: fields and their new names, {"MESSAGE": "log", "_PID": ["pid", "process"]}.'),
      fieldMapStrict: boolean('Takes only what field_map names.', { default: false }),
      fieldsStripUnderscores: boolean('Takes the underscores off the beginning of other names.', {
        default: false,
      }),
      fieldsLowercase: boolean('Other names in small letters.', { default: false }),
    },
  },
} satisfies SectionTable;

/** The plugin over a reader; tests give their own. */
export function systemdSourceOver(open: OpenJournal): Plugin {
  return definePlugin({
    kind: 'source',
    name: 'systemd',
    summary: "Takes the entries of systemd's journal, by journalctl.",
    options,
    sections,
    example: `<source>
  @type systemd
  tag host.docker
  matches [{"_SYSTEMD_UNIT": "docker.service"}]
  read_from_head true
  <entry>
    field_map {"MESSAGE": "log", "_PID": "pid"}
    fields_strip_underscores true
    fields_lowercase true
  </entry>
</source>`,
    fluentbit: systemdForm,
    differences: [
      {
        peer: 'fluentd',
        verdict: 'better',
        text: `Keeps how far it read in memory, or in a file beside the records: entries are lost or doubled in a crash. Here ${ownFile}.`,
      },
      {
        peer: 'fluentd',
        text: 'Without read_from_head the newest entry is read too. Here reading begins behind it.',
        options: ['readFromHead'],
      },
      {
        peer: 'fluentbit',
        verdict: 'better',
        text: `Without DB all is read again at each start; with it entries are lost or doubled in a crash. Here ${ownFile}, with or without DB.`,
      },
      {
        peer: 'fluentbit',
        text: '`Systemd_Filter_Type and` with one field twice asks for entries that have both values. Here that is an error.',
        options: ['filterType'],
      },
    ],
    check: (config) => void settingsOf(config),
    create: (config, context) =>
      new SystemdSource(
        { ...settingsOf(config), importCursor: () => fluentdCursor(config.sections['storage']?.[0]?.options['path']) },
        context,
        open,
      ),
  });
}

/** `systemd` by the journalctl of this machine. */
export const systemdSource: Plugin = systemdSourceOver(journalProgram('journalctl'));

function settingsOf({ options: values, sections: written }: PluginConfig<typeof options>) {
  const { tag, path, readFromHead, expandsTag } = values;
  return {
    tag,
    expandsTag,
    readFromHead,
    path: path === '' ? undefined : path,
    matches: matchesOf(values),
    naming: namingOf(values, written['entry']?.[0]?.options),
  };
}

function matchesOf({ matches, filters, filterType }: Values): Matches {
  if (matches === undefined || matches === '') return filterMatches(filters, filterType);
  if (filters.length > 0) throw new Error('matches and systemd_filter exclude each other; leave one out');
  return readMatches(matches);
}

function namingOf(values: Values, entry: Readonly<Record<string, unknown>> | undefined): Naming {
  const written = entry?.['fieldMap'];
  return {
    stripsUnderscores: entry?.['fieldsStripUnderscores'] === true ? 'all' : values.stripUnderscores ? 'one' : false,
    isLowercase: values.lowercase || entry?.['fieldsLowercase'] === true,
    fieldsMax: values.maxFields,
    map: typeof written === 'string' ? readFieldMap(written) : [],
    isStrict: entry?.['fieldMapStrict'] === true,
  };
}

function readFieldMap(written: string): Naming['map'] {
  const wanted = 'field_map: expected JSON with a text or a list of texts for each field, such as {"MESSAGE": "log"}';
  let parsed: unknown;
  try {
    parsed = JSON.parse(written);
  } catch {
    throw new Error(wanted);
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new Error(wanted);
  return Object.entries(parsed).map(([from, to]) => {
    const names: unknown[] = [to].flat();
    return [
      from,
      names.map((name) => {
        if (typeof name !== 'string') throw new Error(wanted);
        return name;
      }),
    ];
  });
}

/** Where Fluentd got to: its local storage is a JSON file, or a directory's file by the plugin's id. */
async function fluentdCursor(path: unknown): Promise<string | undefined> {
  if (typeof path !== 'string') return undefined;
  try {
    const kept = JSON.parse(await readFile(path, 'utf8')) as unknown;
    const cursor = typeof kept === 'object' && kept !== null && 'journal' in kept ? kept.journal : undefined;
    return typeof cursor === 'string' ? cursor : undefined;
  } catch {
    // There is none, or it is another thing: reading begins as the options say.
    return undefined;
  }
}
