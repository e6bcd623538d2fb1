"""Runs every NAME.tflite of a folder in the LiteRT interpreter, on NAME.input, and writes NAME.output.

Both hold the tensor as it is, in the order of the file. The optimized kernels are used, without XNNPACK.
"""

import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

for path in sorted(pathlib.Path(sys.argv[1]).glob("*.tflite")):
    kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_path=str(path), experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    image = np.fromfile(path.with_suffix(".input"), source["dtype"]).reshape(source["shape"])
    interpreter.set_tensor(source["index"], image)
    interpreter.invoke()
    interpreter.get_tensor(result["index"]).tofile(path.with_suffix(".output"))
