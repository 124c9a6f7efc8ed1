/**
 * Named points at which a test can have the process killed. `P2L_CRASH_AT=name` (or `name:3`) sends SIGKILL to the own
 * process when the point is passed for the first (third) time; without the variable a point costs an empty call.
 */

/** Dies here when the environment says so. `name`: room and place, such as `journal.before-write`; the crash test finds them in the source. */
export const crashPoint: (name: string) => void = makeCrashPoint(process.env['P2L_CRASH_AT']);

function makeCrashPoint(wanted: string | undefined): (name: string) => void {
  if (!wanted) return () => {};
  const [wantedName, times = '1'] = wanted.split(':');
  let left = Number(times);
  return (name) => {
    if (name === wantedName && --left === 0) process.kill(process.pid, 'SIGKILL');
  };
}
