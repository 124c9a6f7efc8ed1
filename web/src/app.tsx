import { QueryClientProvider } from '@tanstack/react-query';
import { queryClient, useSession } from './api/questions.ts';
import { ApiError } from './api/client.ts';
import { ExplorerPage } from './explorer-page.tsx';
import { Login } from './session/login.tsx';
import { Unreachable } from './session/unreachable.tsx';

export function App() {
  return (
    <QueryClientProvider client={queryClient}>
      <Gate />
    </QueryClientProvider>
  );
}

/** Nothing is asked before it is known whether a login is needed. */
function Gate() {
  const session = useSession();
  if (session.data) {
    const isIn = session.data.isOpen || session.data.user !== null;
    return isIn ? <ExplorerPage session={session.data} /> : <Login session={session.data} />;
  }
  if (session.error instanceof ApiError) return <Unreachable error={session.error} />;
  return null;
}
