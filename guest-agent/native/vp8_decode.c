/* The decoder's side of vp8.h. Only tests call it, so the linker leaves it out of the agent. */
#include "vp8.h"

#include <stdlib.h>

#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

struct anteroom_vp8_decoder {
    vpx_codec_ctx_t codec;
};

struct anteroom_vp8_decoder *anteroom_vp8_decoder_new(void) {
    struct anteroom_vp8_decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder && vpx_codec_dec_init(&decoder->codec, vpx_codec_vp8_dx(), NULL, 0)) {
        free(decoder);
        decoder = NULL;
    }
    return decoder;
}

void anteroom_vp8_decoder_free(struct anteroom_vp8_decoder *decoder) {
    vpx_codec_destroy(&decoder->codec);
    free(decoder);
}

int anteroom_vp8_decode(struct anteroom_vp8_decoder *decoder, const uint8_t *packet, size_t length,
                        struct anteroom_planes *planes, unsigned *width, unsigned *height) {
    vpx_codec_iter_t iterator = NULL;
    int error = vpx_codec_decode(&decoder->codec, packet, (unsigned)length, NULL, 0);
    if (error)
        return error;
    vpx_image_t *image = vpx_codec_get_frame(&decoder->codec, &iterator);
    if (!image)
        return VPX_CODEC_ERROR;
    planes->y = image->planes[VPX_PLANE_Y];
    planes->u = image->planes[VPX_PLANE_U];
    planes->v = image->planes[VPX_PLANE_V];
    planes->y_stride = image->stride[VPX_PLANE_Y];
    planes->uv_stride = image->stride[VPX_PLANE_U];
    *width = image->d_w;
    *height = image->d_h;
    return 0;
}
