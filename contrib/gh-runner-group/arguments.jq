# Makes a form of a command line's words, as a comment's words are read. The input is the
# server's `help` for the command, which says which arguments it has.

def refuse: "gh runner-group: \(.)\n" | halt_error(2);

(.Response.commands[0].arguments // []) as $arguments
| ([$arguments[] | select(.positional) | .name][0]) as $positional
| def kind($name): [$arguments[] | select(.name == $name) | .kind][0];
  def flag: startswith("--");
  # Puts together the first words of an array that are one list: "a," and "b".
  def joined:
    if length > 1 and ((.[0] | endswith(",")) or (.[1] | startswith(","))) and (.[1] | flag | not)
    then [.[0] + .[1]] + .[2:] | joined else . end;
  # The first word of the array is the value of an argument, and the others follow.
  def valued($name; next): (if kind($name) == "list" then joined else . end) | {$name, value: .[0]}, (.[1:] | next);
  def pairs:
    if length == 0 then empty
    elif .[0] == "--" then .[1:][] | {name: $positional, value: .}
    elif .[0] | test("^--|^[A-Za-z][A-Za-z-]*=") then
      (.[0] | ltrimstr("--") / "=") as $parts
      | ($parts[0] | ascii_downcase) as $name
      | if $parts | length > 1 then [$parts[1:] | join("=")] + .[1:] | valued($name; pairs)
        elif kind($name) == "bool" or $name == "yes" then
          if .[1] // "" | test("^(true|false)$"; "i") then .[1:] | valued($name; pairs)
          else {$name, value: "true"}, (.[1:] | pairs) end
        elif length > 1 and (.[1] | flag | not) then .[1:] | valued($name; pairs)
        elif kind($name) then "--\($name) needs a value." | refuse
        else {$name, value: "true"}, (.[1:] | pairs) end # the server says that it does not know it
    elif .[0] | test("^-.") then "a flag begins with two dashes, which '\(.[0])' does not." | refuse
    else {name: $positional, value: .[0]}, (.[1:] | pairs) end;
  [$ARGS.positional | pairs
   | select(.name != "yes") # a comment asks before it destroys; REST does not
   | if .name then . else "the command takes no word without a flag, such as '\(.value)'." | refuse end
   | "\(.name | @uri)=\(.value | @uri)"]
| join("&")
