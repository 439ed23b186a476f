// Paints raw frames of RGB bytes from standard input to standard output: paint mosaic.xml 640 360
// The file is one that was exported with --io uint8, .xml or .onnx.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <openvino/openvino.hpp>

int main(int count, char** arguments) {
    if (count != 4) {
        std::fprintf(stderr, "paint FILE WIDTH HEIGHT < frames > painted\n");
        return 2;
    }
    const int64_t width = std::atoi(arguments[2]), height = std::atoi(arguments[3]);
    ov::Core core;
    auto model = core.read_model(arguments[1]);
    model->reshape(ov::PartialShape{1, height, width, 3});  // compiled for one size, it is faster
    auto compiled = core.compile_model(model, "CPU", ov::hint::inference_precision(ov::element::f32));
    auto request = compiled.create_infer_request();
    auto frame = request.get_input_tensor(), painted = request.get_output_tensor();
    const size_t size = frame.get_byte_size();
    while (std::fread(frame.data(), 1, size, stdin) == size) {
        request.infer();
        if (std::fwrite(painted.data(), 1, size, stdout) != size) return 1;
    }
    return 0;
}
