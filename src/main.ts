/** Entry: hands the arguments to the command line. Nothing waits for this file, so that built in one file with others it can be asked for by them. */
import { runCommandLine } from './cli/command-line.ts';

void runCommandLine(process.argv.slice(2));
