import type { Place } from '../api/types.ts';
import { useTexts } from '../i18n/use-texts.ts';
import { setPlace } from '../state/location.ts';
import type { Explorer } from '../state/use-explorer.ts';
import { Icon } from '../ui/icon.tsx';
import { Popover } from '../ui/popover.tsx';

/** Where records are looked for; seen only where there is a choice. */
export function PlacePicker({ explorer }: { readonly explorer: Explorer }) {
  const texts = useTexts();
  const places = explorer.store.data?.places ?? [];
  const [usual] = places;
  const chosen = places.find((place) => place.in === explorer.state.place) ?? usual;
  if (places.length < 2 || !chosen) return null;
  const name = (place: Place): string => (place.in === 'store' ? texts.place.store : (place.pattern ?? ''));
  const hint = (place: Place): string => (place.in === 'store' ? texts.place.storeHint : (place.place ?? ''));
  return (
    <Popover
      label={texts.place.label(name(chosen))}
      buttonClass="button place-button"
      icon={chosen.in}
      text={<span className="place-name">{name(chosen)}</span>}
      hasArrow
      className="place-panel"
    >
      {(close) => (
        <>
          <p className="menu-heading">{texts.place.heading}</p>
          {places.map((place) => (
            <button
              key={place.in}
              type="button"
              className="menu-row"
              aria-pressed={place.in === chosen.in}
              onClick={() => {
                setPlace(place.in === usual?.in ? undefined : place.in);
                close();
              }}
            >
              <Icon name={place.in} />
              <span>
                {name(place)}
                <span className="menu-hint">{hint(place)}</span>
              </span>
            </button>
          ))}
        </>
      )}
    </Popover>
  );
}
