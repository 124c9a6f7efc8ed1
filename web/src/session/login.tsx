import { useState } from 'react';
import type { FormEvent } from 'react';
import { ApiError } from '../api/client.ts';
import { signIn } from '../api/questions.ts';
import type { LoginMethod, Session } from '../api/types.ts';
import { useTexts } from '../i18n/use-texts.ts';
import { Button } from '../ui/button.tsx';
import { textIn } from '../ui/form-text.ts';
import { Icon, Mark } from '../ui/icon.tsx';
import './session.css';

export function Login({ session }: { readonly session: Session }) {
  const texts = useTexts();
  const { methods } = session;
  const [method, setMethod] = useState<LoginMethod>(methods.includes('password') ? 'password' : 'token');
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const submit = async (form: FormEvent<HTMLFormElement>): Promise<void> => {
    form.preventDefault();
    const fields = new FormData(form.currentTarget);
    const text = (name: string): string => textIn(fields, name);
    setBusy(true);
    try {
      await signIn(method === 'token' ? { token: text('token') } : { user: text('user'), password: text('password') });
    } catch (error) {
      const isWrong = error instanceof ApiError && (error.status === 401 || error.status === 403);
      const wrong = method === 'token' ? texts.login.wrongToken : texts.login.wrong;
      setProblem(isWrong ? wrong : error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
    }
  };
  const other: LoginMethod = method === 'token' ? 'password' : 'token';
  return (
    <main className="gate">
      <form className="gate-card" onSubmit={(form) => void submit(form)}>
        <header className="gate-head">
          <Mark size={32} />
          <h1>{texts.login.title}</h1>
        </header>
        <LoginFields key={method} method={method} isWrong={problem !== undefined} />
        <p className="gate-problem" role="alert">
          {problem !== undefined && <Icon name="warning" size={14} />}
          {problem}
        </p>
        <Button type="submit" look="main" disabled={isBusy}>
          {texts.login.submit}
        </Button>
        {methods.includes(other) && (
          <button
            type="button"
            className="text-button"
            onClick={() => {
              setMethod(other);
              setProblem(undefined);
            }}
          >
            {other === 'token' ? texts.login.useToken : texts.login.usePassword}
          </button>
        )}
      </form>
    </main>
  );
}

function LoginFields({ method, isWrong }: { readonly method: LoginMethod; readonly isWrong: boolean }) {
  const { login } = useTexts();
  const common = { className: 'text-input', required: true, 'aria-invalid': isWrong, spellCheck: false } as const;
  if (method === 'token')
    return (
      <label>
        <span className="label">{login.token}</span>
        <input {...common} name="token" type="password" autoComplete="current-password" autoFocus />
        <span className="menu-hint">{login.tokenHint}</span>
      </label>
    );
  return (
    <>
      <label>
        <span className="label">{login.user}</span>
        <input {...common} name="user" autoComplete="username" autoCapitalize="none" autoFocus />
      </label>
      <label>
        <span className="label">{login.password}</span>
        <input {...common} name="password" type="password" autoComplete="current-password" />
      </label>
    </>
  );
}
