/**
 * Named points at which a test can have the process killed. `P2L_CRASH_AT=name` (or `name:3`) sends SIGKILL to the own
 * process when the point is passed for the first (third) time; without the variable a point costs an empty call.
 */

/** Every named point, so that the crash test can walk them. */
export const crashPoints = [
  'journal.before-write',
  'journal.after-write',
  'journal.before-resolve',
  'journal.new-segment',
  'journal.new-shard',
  'journal.retention-delete',
] as const;
export type CrashPoint = (typeof crashPoints)[number];

/** Dies here when the environment says so. `name` must be in the table above (other rooms may use their own names). */
export const crashPoint: (name: CrashPoint | (string & {})) => void = makeCrashPoint(process.env['P2L_CRASH_AT']);

function makeCrashPoint(wanted: string | undefined): (name: string) => void {
  if (!wanted) return () => {};
  const [wantedName, times = '1'] = wanted.split(':');
  let left = Number(times);
  return (name) => {
    if (name === wantedName && --left === 0) process.kill(process.pid, 'SIGKILL');
  };
}
