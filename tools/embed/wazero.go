// A photo to a mask in wazero (https://wazero.io), in Go without cgo.
//
//	attendseg bundle model.aseg -o segment.wasm
//	go run wazero.go segment.wasm photo.rgb mask
//
// photo.rgb: red, green and blue of each pixel of a photo of the network's size; mask: class ids. With -interpreter it
// runs where wazero has no compiler.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// A Segmenter is one instance of a module. After a run that was cancelled it is closed: instantiate anew.
type Segmenter struct {
	module api.Module
	pixels uint32
}

// NewSegmenter instantiates the bytes of a module.
func NewSegmenter(ctx context.Context, runtime wazero.Runtime, wasm []byte) (*Segmenter, error) {
	module, err := runtime.Instantiate(ctx, wasm)
	if err != nil {
		return nil, err
	}
	segmenter := &Segmenter{module: module}
	width, err := segmenter.call(ctx, "width")
	if err != nil {
		return nil, err
	}
	height, err := segmenter.call(ctx, "height")
	segmenter.pixels = width * height
	return segmenter, err
}

func (s *Segmenter) call(ctx context.Context, name string) (uint32, error) {
	results, err := s.module.ExportedFunction(name).Call(ctx)
	if err != nil {
		return 0, err
	}
	return uint32(results[0]), nil
}

// Segment returns class ids, [height][width], of red, green, blue [height][width][3].
func (s *Segmenter) Segment(ctx context.Context, rgb []byte) ([]byte, error) {
	if len(rgb) != 3*int(s.pixels) {
		return nil, fmt.Errorf("the photo has %d bytes, expected %d", len(rgb), 3*s.pixels)
	}
	input, err := s.call(ctx, "input")
	if err != nil {
		return nil, err
	}
	s.module.Memory().Write(input, rgb)
	if _, err := s.call(ctx, "run"); err != nil {
		return nil, err
	}
	output, err := s.call(ctx, "output")
	if err != nil {
		return nil, err
	}
	mask, ok := s.module.Memory().Read(output, s.pixels)
	if !ok {
		return nil, errors.New("the mask is not in memory")
	}
	return append([]byte(nil), mask...), nil
}

func run(interpreter bool, limit time.Duration, paths []string) error {
	if len(paths) != 3 {
		return errors.New("expected MODULE PHOTO MASK")
	}
	wasm, err := os.ReadFile(paths[0])
	if err != nil {
		return err
	}
	rgb, err := os.ReadFile(paths[1])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	config := wazero.NewRuntimeConfig()
	if interpreter {
		config = wazero.NewRuntimeConfigInterpreter()
	}
	runtime := wazero.NewRuntimeWithConfig(ctx, config.WithCloseOnContextDone(true))
	defer runtime.Close(context.Background())
	segmenter, err := NewSegmenter(ctx, runtime, wasm)
	if err != nil {
		return err
	}
	mask, err := segmenter.Segment(ctx, rgb)
	if err != nil {
		return err
	}
	return os.WriteFile(paths[2], mask, 0o644)
}

func main() {
	interpreter := flag.Bool("interpreter", false, "do not compile the module")
	limit := flag.Duration("limit", time.Minute, "how long the run may take")
	flag.Parse()
	if err := run(*interpreter, *limit, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "wazero:", err)
		os.Exit(1)
	}
}
