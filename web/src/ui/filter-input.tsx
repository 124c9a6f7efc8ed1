interface FilterInputProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** Narrows a list down while one types. */
export function FilterInput({ label, value, onChange }: FilterInputProps) {
  return (
    <input
      className="text-input"
      data-size="small"
      type="search"
      value={value}
      placeholder={label}
      aria-label={label}
      autoCapitalize="none"
      spellCheck={false}
      onChange={(change) => onChange(change.target.value)}
    />
  );
}
