/** The commands and their help. Each command's work is in a file of its own, loaded when it is called. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { version } from '../core/version.ts';
import { formatProblem, systemCode } from '../core/errors.ts';
import { exitCodes, reportError } from './exit.ts';
import { fluentdStart } from './fluentd-arguments.ts';
import type { QueryOptions } from './query.ts';

interface DataDirectoryOption {
  dataDir: string;
}

interface RunCommandOptions {
  config?: string;
  dataDir?: string;
  withStore?: boolean;
  strictConfigValue?: boolean;
  verbose?: boolean;
}

const strictHelp = 'bad values of numbers and truth values are errors, as in Fluentd (P2L_STRICT_CONFIG_VALUE)';

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number from 1');
  return value;
}

/**
 * The configuration file: the one that was named, else what a container made for Fluentd has in its environment
 * (fluentd-arguments.ts), whose other options become variables, where children and reloads find them too.
 */
function chosenConfig(named: string | undefined): string | undefined {
  if (named !== undefined) return named;
  const start = fluentdStart(process.env);
  if (!start) return undefined;
  for (const [name, value] of Object.entries(start.variables)) process.env[name] ??= value;
  // Said once, not by each process.
  if (process.send === undefined)
    for (const warning of start.warnings) process.stderr.write(`${formatProblem(warning)}\n`);
  return start.configPath;
}

function dataDirectoryOf(options: { dataDir?: string }): string {
  return options.dataDir ?? process.env['P2L_DATA_DIR'] ?? './data';
}

function withDataDirectory(command: Command): Command {
  return command.option('--data-dir <dir>', 'data directory of the running program (P2L_DATA_DIR, ./data)');
}

function buildProgram(setExit: (code: number) => void): Command {
  const program = new Command('post2log')
    .description('Receives postbacks and logs, makes every record durable before it says yes, and forwards them.')
    .version(version, '-V, --version')
    .exitOverride()
    .showHelpAfterError('(post2log help lists the commands)')
    .showSuggestionAfterError();

  program
    .command('run')
    .description('run the pipeline: the built-in postback receiver (P2L_* variables), or what --config says')
    .option('-c, --config <file>', 'configuration file; its dialect is recognised by content')
    .option('--data-dir <dir>', 'where everything lasting is kept (P2L_DATA_DIR, ./data)')
    .option('--with-store', 'keep every record in the store too, as P2L_STORE=on does')
    .option('--strict-config-value', strictHelp)
    .option('-v, --verbose', 'log more, as P2L_LOGLEVEL=debug does')
    .addHelpText(
      'after',
      '\nSignals: SIGTERM and SIGINT stop gracefully within P2L_GRACE (a second one at once), SIGHUP reads the configuration again.\nWithout --config the variables of containers made for Fluentd count: FLUENTD_ARGS, FLUENT_ARGS, FLUENTD_OPT (-c FILE --use-v1-config …) and FLUENTD_CONF (below /fluentd/etc).\nVariables: docs/reference/variables.md',
    )
    .action(async (options: RunCommandOptions) => {
      // Where children and reloads find it too.
      if (options.strictConfigValue === true) process.env['P2L_STRICT_CONFIG_VALUE'] = 'true';
      if (options.withStore === true) process.env['P2L_STORE'] = 'on';
      if (options.verbose === true) process.env['P2L_LOGLEVEL'] ??= 'debug';
      const configPath = chosenConfig(options.config);
      const { run } = await import('./run.ts');
      setExit(await run({ configPath, dataDirectory: options.dataDir }));
    });

  program
    .command('check')
    .description('read a configuration and print the pipeline as a tree, or every error with file:line:column')
    .option('-c, --config <file>', 'configuration file; without it the built-in one with P2L_* variables')
    .option('--probe', "ask each output's target, too, whether it would take records")
    .option('--strict-config-value', strictHelp)
    .action(async (options: { config?: string; probe?: boolean; strictConfigValue?: boolean }) => {
      if (options.strictConfigValue === true) process.env['P2L_STRICT_CONFIG_VALUE'] = 'true';
      const configPath = chosenConfig(options.config);
      const { runCheck } = await import('./loading.ts');
      setExit(await runCheck(configPath, options.probe === true));
    });

  addConvertCommand(program, setExit);
  addGenerateCommand(program, setExit);
  addQueryCommand(program, setExit);
  addDeadLetterCommands(program);
  addOutputCommands(program);
  addHealthCommand(program);

  addCompletionCommand(program);
  program
    .command('version')
    .description('print the version')
    .action(() => {
      process.stdout.write(`post2log ${version} (Node ${process.versions.node})\n`);
    });
  return program;
}

function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('print a shell completion script, to be sourced')
    .argument('<shell>', 'bash, zsh or fish')
    .action(async (shell: string) => {
      const { completionScript, isShell } = await import('./completion.ts');
      if (!isShell(shell))
        throw new CommanderError(
          exitCodes.badConfig,
          'post2log.shell',
          `error: shell ${shell}: expected bash, zsh or fish`,
        );
      process.stdout.write(completionScript(program, shell));
    });
}

function addConvertCommand(program: Command, setExit: (code: number) => void): void {
  program
    .command('convert')
    .description(
      'write a configuration in the other dialect, and say with file:line:column what cannot be written there',
    )
    .addOption(new Option('--to <dialect>', 'what to write').choices(['fluentd', 'fluentbit']).makeOptionMandatory())
    .requiredOption('-c, --config <file>', 'configuration file; its dialect is recognised by content')
    .option('-o, --output <file>', 'where to write it; without it on standard output')
    .addHelpText(
      'after',
      '\nExit codes: 0 all of it was written, 1 something was left out (standard error says what), 2 the configuration has mistakes.\nVariables stay variables; Fluent Bit is written as YAML.',
    )
    .action(async (options: { to: 'fluentd' | 'fluentbit'; config: string; output?: string }) => {
      const { convert } = await import('./convert.ts');
      setExit(await convert(options));
    });
}

function namespaceName(text: string): string {
  if (/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError('expected lower-case letters, digits and hyphens');
}

function addGenerateCommand(program: Command, setExit: (code: number) => void): void {
  const choices = ['receiver', 'collector', 'aggregator', 'explorer'] as const;
  program
    .command('generate')
    .description('print what others need to run post2log')
    .command('k8s')
    .description('print plain manifests, for those without Helm: kubectl apply -f - takes them')
    .addOption(
      new Option('--mode <component...>', 'what to run; one sends to the next')
        .choices(choices)
        .default([...choices], 'all'),
    )
    .option('-n, --namespace <name>', 'where to; it has to be there', namespaceName, 'logging')
    .option('--image <reference>', 'image in place of the one of this version')
    .option('--no-secrets', 'leave out the Secrets with new keys: the cluster has them')
    .addHelpText('after', '\nWith every setting: the Helm chart in deploy/helm/post2log.')
    .action(
      async (options: { mode: (typeof choices)[number][]; namespace: string; image?: string; secrets: boolean }) => {
        const { generate } = await import('./generate.ts');
        const { mode, namespace, image, secrets } = options;
        setExit(await generate({ components: mode, namespace, image, makesSecrets: secrets }));
      },
    );
}

function addQueryCommand(program: Command, setExit: (code: number) => void): void {
  program
    .command('explorer')
    .description('run the explorer alone, over an Elasticsearch or OpenSearch (P2L_EXPLORER_URL, P2L_ADMIN_*)')
    .action(async () => {
      const { explore } = await import('./explorer.ts');
      setExit(await explore());
    });
  const command = program
    .command('query')
    .description('search the records in the store, whether or not the program runs, or those in Elasticsearch')
    .argument('[query...]', 'in the query language, words joined with blanks; none: all records')
    .option('--last <duration>', 'records of the last 500ms, 10s, 5m, 24h, 7d; without a time option: all')
    .option('--from <time>', 'records from this time on: 2026-11-21T15:00:00Z, now-15m, or ms since 1970')
    .option('--to <time>', 'records before this time')
    .option('--limit <n>', 'how many at most', wholeNumber, 100)
    .addOption(new Option('-o, --output <form>', 'form').choices(['table', 'json', 'csv']).default('table'))
    .addOption(new Option('--order <order>', 'by record time (default: newest)').choices(['newest', 'oldest']))
    .option('--columns <names>', 'fields to show in a table or CSV, with commas between them')
    .option('--follow', 'show the newest records, and others as they are stored')
    .addOption(
      new Option(
        '--in <place>',
        'the store, or the indices of P2L_EXPLORER_URL (default: the store, where there is one)',
      ).choices(['store', 'index']),
    );
  withDataDirectory(command)
    .addHelpText(
      'after',
      `
Examples:
  post2log query 'p1:v1' --last 1h -o json
  post2log query status:'>=500' AND NOT path:'/health*' --from now-1d --to now-1h
  post2log query --follow -- -level:debug        (behind -- nothing is an option)
Exit codes: 0 (also where nothing matches), 2 for a query or option that cannot be read, 1 for all else.`,
    )
    .action(async (words: string[], options: QueryOptions & { dataDir?: string }) => {
      const { query } = await import('./query.ts');
      setExit(await query(dataDirectoryOf(options), words.join(' '), options));
    });
}

function addDeadLetterCommands(program: Command): void {
  const dlq = program
    .command('dlq')
    .description('look at refused records (the dead-letter queue), send them again, give them up');
  withFilters(withDataDirectory(dlq.command('list')))
    .description('print the newest refused records as JSON, one a line')
    .option('--limit <n>', 'how many', wholeNumber, 100)
    .action(async ({ limit, ...options }: { limit: number } & FilterOptions) => {
      const { listDeadLetters } = await import('./dlq.ts');
      await listDeadLetters(dataDirectoryOf(options), limit, filterOf(options));
    });
  withDataDirectory(dlq.command('show'))
    .description('print one refused record with all that is known of it')
    .argument('<id>', 'an id that dlq list printed')
    .action(async (id: string, options: DataDirectoryOption) => {
      const { showDeadLetter } = await import('./dlq.ts');
      await showDeadLetter(dataDirectoryOf(options), id);
    });
  withFilters(withDataDirectory(dlq.command('replay')))
    .description('send refused records to the output that refused them again; they are no dead letters then')
    .argument('[ids...]', 'ids that dlq list printed')
    .option('--all', 'all of them, or all that --output and --reason name')
    .option('--route', 'through the filters again, and to all outputs that the configuration gives them')
    .action(async (ids: string[], options: { all?: boolean; route?: boolean } & FilterOptions) => {
      const chosen = chosenLetters('replay', ids, options);
      const { replayDeadLetters } = await import('./dlq.ts');
      const filter = { ...filterOf(options), isRouted: options.route === true };
      if (!(await replayDeadLetters(dataDirectoryOf(options), chosen, filter))) process.exitCode = exitCodes.failed;
    });
  withFilters(withDataDirectory(dlq.command('drop')))
    .description('give refused records up for good, and make room')
    .argument('[ids...]', 'ids that dlq list printed')
    .option('--all', 'all of them, or all that --output and --reason name')
    .action(async (ids: string[], options: { all?: boolean } & FilterOptions) => {
      const chosen = chosenLetters('drop', ids, options);
      const { dropDeadLetters } = await import('./dlq.ts');
      if (!(await dropDeadLetters(dataDirectoryOf(options), chosen, filterOf(options))))
        process.exitCode = exitCodes.failed;
    });
}

interface FilterOptions extends DataDirectoryOption {
  readonly output?: string;
  readonly reason?: string;
}

function withFilters(command: Command): Command {
  return command
    .option('--output <id>', 'only those of this output (@router: of filters, @request: of sources)')
    .option('--reason <text>', 'only those with this text in their reason');
}

function filterOf({ output, reason }: FilterOptions): { output?: string | undefined; reason?: string | undefined } {
  return { output, reason };
}

/** What is to be done cannot be undone, so it is said which ones: by id, or `--all`. */
function chosenLetters(name: string, ids: string[], { all }: { all?: boolean }): string[] | 'all' {
  if (all === true) return 'all';
  if (ids.length > 0) return ids;
  throw new CommanderError(exitCodes.badConfig, `post2log.${name}`, 'error: name ids, or --all');
}

function addHealthCommand(program: Command): void {
  withDataDirectory(program.command('health'))
    .description('ask the running program how it is: 0 when it is ready; for images, where nothing else can ask')
    .option('--live', 'only whether it answers')
    .action(async (options: DataDirectoryOption & { live?: boolean }) => {
      const { askHealth } = await import('./health.ts');
      await askHealth(dataDirectoryOf(options), options.live === true);
    });
}

function addOutputCommands(program: Command): void {
  const outputs = program.command('outputs').description('where each output of the running program stands');
  withDataDirectory(outputs.command('list'))
    .description('print each output with what it delivered, refused and has waiting')
    .action(async (options: DataDirectoryOption) => {
      const { listOutputs } = await import('./outputs.ts');
      await listOutputs(dataDirectoryOf(options));
    });
  withDataDirectory(outputs.command('drop'))
    .description('give up what waits for an output that the configuration no longer names')
    .argument('<id>', 'the output, as outputs list prints it')
    .action(async (id: string, options: DataDirectoryOption) => {
      const { dropOutput } = await import('./outputs.ts');
      await dropOutput(dataDirectoryOf(options), id);
    });
}

/** A reader that has seen enough, as `head` has, ends a command; what runs gives its standard output to outputs, which try again. */
function endUnread(command: string | undefined): void {
  if (command === 'run') return;
  process.stdout.on('error', (error) => {
    if (systemCode(error) !== 'EPIPE') throw error;
    process.exit();
  });
}

/** Runs one command and leaves its exit code. */
export async function runCommandLine(args: readonly string[]): Promise<void> {
  endUnread(args[0]);
  const program = buildProgram((code) => {
    process.exitCode = code;
  });
  for (const command of [program, ...program.commands, ...program.commands.flatMap((child) => child.commands)])
    command.exitOverride();
  try {
    if (args.length === 0) program.help();
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has printed help, version and its own errors already; ours it has not.
      if (error.code.startsWith('post2log.')) process.stderr.write(`${error.message}\n`);
      process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.badConfig;
      return;
    }
    // What was opened before the failure would keep the process alive; the journal makes an abrupt end safe.
    process.exit(reportError(error));
  }
}
