import { useTexts } from '../i18n/use-texts.ts';
import { IconButton } from '../ui/button.tsx';
import { Sheet } from '../ui/sheet.tsx';

export function Help({ onClose }: { readonly onClose: () => void }) {
  const { help } = useTexts();
  const keys: readonly (readonly [readonly string[], string])[] = [
    [['/'], help.shortcuts.search],
    [['↓', '↑', 'j', 'k'], help.shortcuts.rows],
    [['Enter'], help.shortcuts.open],
    [['Esc'], help.shortcuts.close],
    [['l'], help.shortcuts.live],
    [['r'], help.shortcuts.refresh],
    [['+', '-'], help.shortcuts.zoom],
    [[',', '.'], help.shortcuts.shift],
    [['f'], help.shortcuts.fields],
    [['?'], help.shortcuts.help],
  ];
  const examples: readonly (readonly [string, string])[] = [
    ['timeout', help.examples.words],
    ['p1:v1', help.examples.field],
    ['log:"timed out"', help.examples.phrase],
    ['level:="error"', help.examples.exact],
    ['path:/health*', help.examples.wildcard],
    ['status >= 500', help.examples.compare],
    ['status:[400 TO 499]', help.examples.range],
    ['kubernetes.pod_name:*', help.examples.exists],
    ['path:~"^/v[12]/"', help.examples.regexp],
    ['(a:1 OR b:2) AND NOT c:3', help.examples.logic],
    ['_tag:app.*', help.examples.own],
  ];
  return (
    <Sheet label={help.title} size="dialog" onClose={onClose}>
      <div className="help">
        <header className="help-head">
          <h2>{help.title}</h2>
          <IconButton icon="close" label={help.close} onClick={onClose} autoFocus />
        </header>
        <section>
          <h3 className="help-heading">{help.keys}</h3>
          <dl className="help-list">
            {keys.map(([names, text]) => (
              <div key={text} className="help-row">
                <dt>
                  {names.map((name) => (
                    <kbd key={name} className="kbd">
                      {name}
                    </kbd>
                  ))}
                </dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </section>
        <section>
          <h3 className="help-heading">{help.language}</h3>
          <dl className="help-list">
            {examples.map(([query, text]) => (
              <div key={query} className="help-row">
                <dt className="mono help-query">{query}</dt>
                <dd>{text}</dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
    </Sheet>
  );
}
