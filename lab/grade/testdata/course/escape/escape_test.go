package escape_test

import (
	"os"
	"testing"

	"example.com/counting/escape"

	"github.com/labkv/labkv/lab/graded"
)

var claim = graded.Claim{Text: "nothing gets out", Source: "the sandbox"}

func denied(t *testing.T, f func() error) {
	graded.Test(t, claim, func(t *graded.T) {
		if err := f(); err == nil {
			t.Fatal("it was possible")
		}
	})
}

func TestWriteOutside8(t *testing.T) { denied(t, escape.WriteOutside) }

func TestReadOutside8(t *testing.T) { denied(t, escape.ReadOutside) }

func TestListen8(t *testing.T) { denied(t, escape.Listen) }

func TestWriteInside8(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) {
		if err := escape.WriteInside(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestWriteMuch8(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) {
		if err := escape.WriteMuch(); err == nil {
			t.Fatal("it was possible")
		}
	})
}

func TestEnvironment8(t *testing.T) {
	graded.Test(t, claim, func(t *graded.T) {
		for _, name := range []string{"PATH", "LABKV_SECRET", "LABKV_REPORT", "USER"} {
			if value, ok := os.LookupEnv(name); ok {
				t.Errorf("%s=%s", name, value)
			}
		}
		if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
			t.Errorf("the directory is not empty: %v, %v", left, err)
		}
	})
}
