/* What Rust calls of libvpx: VP8 only, one picture in, one packet out. `encoder/vp8.rs` is the other side. */
#ifndef ANTEROOM_VP8_H
#define ANTEROOM_VP8_H

#include <stddef.h>
#include <stdint.h>

/* Planes of an I420 picture; the library only reads them. */
struct anteroom_planes {
    const uint8_t *y, *u, *v;
    int y_stride, uv_stride; /* bytes */
};

struct anteroom_vp8_encoder;
struct anteroom_vp8_decoder;

/* NULL when the library refuses or memory is short. `width` and `height` in pixels. */
struct anteroom_vp8_encoder *anteroom_vp8_encoder_new(unsigned width, unsigned height);
void anteroom_vp8_encoder_free(struct anteroom_vp8_encoder *encoder);

/* Encodes one picture at the fixed `quantizer` (0 best to 63 worst). `changed` has one byte for each macroblock, row by
 * row; zero says that the block is as it was. NULL: everything may have changed. Returns 0 and the packet, which is
 * valid until the next call, or libvpx's error. */
int anteroom_vp8_encode(struct anteroom_vp8_encoder *encoder, const struct anteroom_planes *planes,
                        uint8_t *changed, unsigned quantizer, int key, const uint8_t **packet, size_t *length,
                        int *is_key);

/* The other direction, for tests. The planes are valid until the next call; returns 0 or libvpx's error. */
struct anteroom_vp8_decoder *anteroom_vp8_decoder_new(void);
void anteroom_vp8_decoder_free(struct anteroom_vp8_decoder *decoder);
int anteroom_vp8_decode(struct anteroom_vp8_decoder *decoder, const uint8_t *packet, size_t length,
                        struct anteroom_planes *planes, unsigned *width, unsigned *height);

#endif
