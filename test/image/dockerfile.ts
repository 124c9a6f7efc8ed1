/** A Dockerfile as it is run here: stages, each with its instructions in order. Knows what deploy/images/Dockerfile uses, and refuses the rest. */

/** One instruction; `text` is what follows its name, with lines joined. */
export interface Instruction {
  readonly name: string;
  readonly text: string;
  readonly line: number;
}

export interface Stage {
  /** Name of an image or of another stage, with variables replaced. */
  readonly base: string;
  readonly name: string;
  readonly instructions: readonly Instruction[];
}

/** What an image says of how it is run. */
export interface ImageConfig {
  readonly env: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly workdir: string;
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthcheck: string;
  readonly stopSignal: string;
}

const known = new Set(
  'FROM ARG RUN COPY ENV LABEL WORKDIR USER VOLUME EXPOSE STOPSIGNAL HEALTHCHECK ENTRYPOINT CMD'.split(' '),
);

/** Reads one. `args`: build arguments. @throws Error naming the line of what it does not know */
export function parseDockerfile(text: string, args: Readonly<Record<string, string>> = {}): Stage[] {
  const variables: Record<string, string> = {};
  const stages: { base: string; name: string; instructions: Instruction[] }[] = [];
  for (const { name, text: written, line } of instructionsOf(text)) {
    if (!known.has(name)) throw new Error(`Dockerfile:${line}: unknown instruction ${name}`);
    const stage = stages.at(-1);
    if (name === 'FROM') {
      const match = /^(?:--platform=\S+ )?(\S+)(?: AS (\S+))?$/.exec(replaced(written, variables));
      if (!match) throw new Error(`Dockerfile:${line}: cannot read FROM ${written}`);
      stages.push({ base: match[1] ?? '', name: match[2] ?? String(stages.length), instructions: [] });
    } else if (name === 'ARG' && !stage) {
      const [key = '', ...rest] = written.split('=');
      variables[key] = args[key] ?? replaced(rest.join('='), variables);
    } else if (stage) stage.instructions.push({ name, text: written, line });
    else throw new Error(`Dockerfile:${line}: ${name} before FROM`);
  }
  return stages;
}

/** How the image of a stage is run: what it and the stages it is made from say. */
export function imageConfig(
  stages: readonly Stage[],
  name: string,
  args: Readonly<Record<string, string>> = {},
): ImageConfig {
  const stage = stages.find((one) => one.name === name);
  if (!stage) {
    return {
      env: {},
      labels: {},
      user: { uid: 0, gid: 0 },
      workdir: '/',
      volumes: [],
      ports: [],
      entrypoint: [],
      command: [],
      healthcheck: '',
      stopSignal: 'SIGTERM',
    };
  }
  const variables: Record<string, string> = {};
  return stage.instructions.reduce<ImageConfig>(
    (config, { name: instruction, text, line }) => {
      const value = replaced(text, { ...config.env, ...variables });
      switch (instruction) {
        case 'ARG': {
          const [key = '', ...rest] = text.split('=');
          variables[key] = args[key] ?? rest.join('=');
          return config;
        }
        case 'ENV':
          return { ...config, env: { ...config.env, ...pairs(value, line) } };
        case 'LABEL':
          return { ...config, labels: { ...config.labels, ...pairs(value, line) } };
        case 'USER': {
          const match = /^(\d+):(\d+)$/.exec(value);
          if (!match) throw new Error(`Dockerfile:${line}: USER ${value}: expected UID:GID`);
          return { ...config, user: { uid: Number(match[1]), gid: Number(match[2]) } };
        }
        case 'WORKDIR':
          return { ...config, workdir: value };
        case 'VOLUME':
          return { ...config, volumes: [...config.volumes, value] };
        case 'EXPOSE':
          return { ...config, ports: [...config.ports, ...value.split(' ')] };
        case 'STOPSIGNAL':
          return { ...config, stopSignal: value };
        case 'HEALTHCHECK':
          return { ...config, healthcheck: value };
        case 'ENTRYPOINT':
          return { ...config, entrypoint: JSON.parse(value) as string[] };
        case 'CMD':
          return { ...config, command: JSON.parse(value) as string[] };
        default:
          return config;
      }
    },
    imageConfig(stages, stage.base, args),
  );
}

/** `$NAME` and `${NAME}` of known variables; others stay for the shell. */
export function replaced(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{(\w+)\}|\$(\w+)/g, (whole, braced: string | undefined, bare: string | undefined) => {
    return variables[braced ?? bare ?? ''] ?? whole;
  });
}

/** `A=b C="d e"`. */
function pairs(text: string, line: number): Record<string, string> {
  const found: Record<string, string> = {};
  const rest = text.replace(/([\w.-]+)=(?:"([^"]*)"|(\S*))\s*/g, (_, key: string, quoted?: string, bare?: string) => {
    found[key] = quoted ?? bare ?? '';
    return '';
  });
  if (rest !== '') throw new Error(`Dockerfile:${line}: cannot read ${rest}`);
  return found;
}

function* instructionsOf(text: string): Generator<Instruction> {
  let open: { text: string; line: number } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(?:#.*)?$/.test(line)) continue;
    const part = line.replace(/\\\s*$/, '');
    open = open ? { ...open, text: `${open.text} ${part.trim()}` } : { text: part.trim(), line: index + 1 };
    if (part !== line) continue;
    const [name = '', ...rest] = open.text.split(' ');
    yield { name: name.toUpperCase(), text: rest.join(' ').trim(), line: open.line };
    open = undefined;
  }
  if (open) throw new Error(`Dockerfile:${open.line}: ends in the middle of an instruction`);
}
