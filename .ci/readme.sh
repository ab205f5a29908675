# Does what the README says: makes the demo, serves it, and sends its requests. `make test` is run by `make check` itself.
set -eu
block() { # the n-th block of shell in the README
    awk -v wanted="$1" '/^```sh$/ {n++; inside = 1; next} /^```$/ {inside = 0} inside && n == wanted' README.md
}
test "$(block 1)" = "make demo
make test"
test "$(block 2)" = "make up"
make demo
make up PORT=8000 &
up=$!
trap 'kill $up 2>/dev/null; wait $up 2>/dev/null || true' EXIT
for _ in $(seq 60); do
    curl -sf http://127.0.0.1:8000/readyz >/dev/null && break
    sleep 1
done
answers=$(block 3 | sh -eu)
echo "$answers"
echo "$answers" | grep -q '"name":"production"'
echo "$answers" | grep -q '"rows":\[\[2469\]\]'
curl -sf http://127.0.0.1:8000/api/docs >/dev/null
curl -sf http://127.0.0.1:8000/api/redoc >/dev/null
curl -sf http://127.0.0.1:8000/ -L >/dev/null
echo "The README is true."
