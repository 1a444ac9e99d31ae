package engine_test

import (
	"fmt"

	"github.com/labkv/labkv/kv/engine"
)

// A batch is a list, not a set: of two writes to a key the later one wins. It may span
// column families.
func ExampleBatch() {
	var b engine.Batch
	b.Put(engine.CFDefault, []byte("k"), []byte("1"))
	b.Delete(engine.CFDefault, []byte("k"))
	b.Put(engine.CFLock, []byte("k"), nil) // an empty value
	for _, op := range b.Ops() {
		fmt.Printf("%s %q delete=%t value=%q\n", op.CF, op.Key, op.Delete, op.Value)
	}
	fmt.Println(b.Len(), "operations,", b.Size(), "bytes")
	// Output:
	// default "k" delete=false value="1"
	// default "k" delete=true value=""
	// lock "k" delete=false value=""
	// 3 operations, 4 bytes
}
